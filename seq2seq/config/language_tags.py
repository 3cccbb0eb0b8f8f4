"""Language tags (BCP 47): their form, and the tags of languages by their names and codes."""

from __future__ import annotations

import re

_FORM = re.compile(
    r"[a-z]{2,3}(-[a-z]{3}){0,3}"  # a language, and its extensions: zh, zh-yue
    r"(-[a-z]{4})?"  # a script: zh-Hant
    r"(-([a-z]{2}|\d{3}))?"  # a region: pt-BR, es-419
    r"(-([a-z\d]{5,8}|\d[a-z\d]{3}))*"  # variants: de-1996
    r"(-[a-wyz\d](-[a-z\d]{2,8})+)*"  # extensions of other standards
    r"(-x(-[a-z\d]{1,8})+)?"  # private use: de-x-dialect
    r"|x(-[a-z\d]{1,8})+",
    re.ASCII | re.IGNORECASE,
)
"""A well-formed tag of RFC 5646, section 2.1; without the old tags that it lists, as i-klingon."""

_ISO_639_1 = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb "
    "lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_ISO_639_3 = (  # of languages that parallel text is often of, each with its tag
    "afr af amh am ara ar arb ar arz arz aze az ben bn bos bs bul bg cat ca ces cs cze cs cmn zh "
    "cym cy dan da deu de ger de ell el gre el eng en epo eo est et eus eu fas fa pes fa fil fil "
    "fin fi fra fr fre fr gle ga glg gl guj gu hat ht hau ha heb he hin hi hrv hr hun hu hye hy "
    "ibo ig ind id isl is ita it jav jv jpn ja kan kn kat ka kaz kk khm km kor ko kur ku lao lo "
    "lat la lav lv lit lt mal ml mar mr mkd mk mlt mt mon mn msa ms zsm ms mya my nep ne nld nl "
    "dut nl nob nb nno nn nor no ory or pan pa pol pl por pt pus ps ron ro rum ro rus ru sin si "
    "slk sk slv sl som so spa es sqi sq srp sr sun su swa sw swh sw swe sv tam ta tat tt tel te "
    "tgl tl tha th tur tr uig ug ukr uk urd ur uzb uz vie vi xho xh yor yo yue yue zho zh chi zh "
    "zul zu aka ak asm as aym ay ayr ay bam bm bem bem bho bho bod bo ceb ceb ckb ckb dzo dz ewe "
    "ee fon fon ful ff fuv ff gaz om grn gn gug gn hil hil ilo ilo kik ki kin rw kir ky lin ln "
    "lug lg luo luo mai mai mlg mg mni mni mos mos nah nah nso nso nya ny orm om pcm pcm que qu "
    "quy qu quz qu sat sat sna sn snd sd sot st ssw ss tgk tg tir ti tsn tn tso ts tuk tk twi tw "
    "uzn uz wol wo"
)
_NAMES = (
    "afrikaans af akan ak albanian sq amharic am arabic ar armenian hy assamese as aymara ay "
    "azerbaijani az bambara bm bashkir ba basque eu belarusian be bemba bem bengali bn bhojpuri "
    "bho bosnian bs bulgarian bg burmese my cantonese yue catalan ca cebuano ceb cherokee chr "
    "chichewa ny chinese zh chuvash cv croatian hr czech cs danish da dutch nl dzongkha dz "
    "english en esperanto eo estonian et ewe ee farsi fa fijian fj filipino fil finnish fi fon "
    "fon french fr fulfulde ff galician gl georgian ka german de greek el guarani gn gujarati gu "
    "hausa ha hawaiian haw hebrew he hiligaynon hil hindi hi hmong hmn hungarian hu icelandic is "
    "igbo ig ilocano ilo indonesian id inuktitut iu irish ga italian it japanese ja javanese jv "
    "kannada kn kashmiri ks kazakh kk khmer km kikuyu ki kinyarwanda rw kirundi rn konkani kok "
    "korean ko kurdish ku kyrgyz ky lao lo latin la latvian lv lingala ln lithuanian lt luganda "
    "lg luo luo macedonian mk maithili mai malagasy mg malay ms malayalam ml maltese mt mandarin "
    "zh maori mi mapudungun arn marathi mr meitei mni mongolian mn nahuatl nah navajo nv nepali "
    "ne norwegian no nyanja ny odia or oriya or oromo om pashto ps persian fa polish pl "
    "portuguese pt punjabi pa quechua qu romanian ro russian ru samoan sm sango sg sanskrit sa "
    "santali sat serbian sr setswana tn shona sn sindhi sd sinhala si slovak sk slovene sl "
    "slovenian sl somali so sotho st spanish es sundanese su swahili sw swati ss swedish sv "
    "tagalog tl tahitian ty tajik tg tamil ta tatar tt telugu te thai th tibetan bo tigrinya ti "
    "tongan to tsonga ts tswana tn turkish tr turkmen tk twi tw ukrainian uk urdu ur uyghur ug "
    "uighur ug uzbek uz venda ve vietnamese vi welsh cy wolof wo xhosa xh yakut sah yiddish yi "
    "yoruba yo zulu zu"
)


def _pairs(words: str) -> dict[str, str]:
    """Returns what stands at odd places by what stands before it."""
    listed = words.split()
    return dict(zip(listed[::2], listed[1::2], strict=True))


_TAGS = {code: code for code in _ISO_639_1.split()} | _pairs(_ISO_639_3) | _pairs(_NAMES)
_ENGLISH = {tag: name.title() for name, tag in reversed(_pairs(_NAMES).items())}
_CODE = re.compile(r"([a-z]{2,3})([-_][a-z]{4})?([-_]([a-z]{2}|\d{3}))?")  # pt-BR, eng_Latn


def is_well_formed(tag: str) -> bool:
    """Whether a tag has the form of one; whether there is such a language is not looked up."""
    return _FORM.fullmatch(tag) is not None


def language_tag(name: str) -> str:
    """Returns the tag of a language that is called by its English name or a code; "" if it is none.

    >>> [language_tag(name) for name in ("German", "deu", "pt_br", "zho_Hant", "pairs")]
    ['de', 'de', 'pt-BR', 'zh-Hant', '']
    """
    name = name.casefold()
    code = _CODE.fullmatch(name)
    if name in _TAGS or code is None or code[1] not in _TAGS:
        return _TAGS.get(name, "")
    script, region = (part.strip("-_") if part else "" for part in code.group(2, 3))
    return "-".join(filter(None, (_TAGS[code[1]], script.title(), region.upper())))


def language_name(tag: str) -> str:
    """Returns the English name of a language; the tag where none is known, and beside a variety.

    >>> language_name("de"), language_name("pt-BR"), language_name("gsw")
    ('German', 'Portuguese (pt-BR)', 'gsw')
    """
    code = tag.partition("-")[0].lower()
    name = _ENGLISH.get(code, "")
    return name if code == tag and name else f"{name} ({tag})" if name else tag
