"use strict";
// Words, characters, and what stands between spaces: compare seq2seq/data/tokenizers/rule_based.py.

const CJK = "\\u3005-\\u3007\\u3041-\\u309f\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
const WORD_PATTERN = makeWordPattern();
const KINDS = ["elided", "number", "word", "clitic", "cjk", "escape", "symbol", "special"];
const JOIN_LEFT = ["clitic", "cjk", "escape", "symbol"];
const JOIN_RIGHT = ["escape", "symbol"];

/** The pattern of one token; the name of the group that matches says how it joins. */
function makeWordPattern() {
  const mark = "[\\p{M}\\u00ad\\u200c\\u200d]";
  const letter = `(?![${CJK}])[\\p{L}\\p{N}]`;
  const core = `(?:${letter})+(?:${mark}+(?:${letter})*)*`;
  const elided = anyCase("(?:[ldjmtsnc]|qu|jusqu|lorsqu|puisqu|quoiqu|presqu|quelqu)");
  const clitic = `['’]${anyCase("(?:s|m|d|re|ve|ll)")}(?!${letter}|${mark})`;
  return new RegExp(
    `(?<elided>${elided}['’](?=${letter}))` +
      `|(?<number>\\p{Nd}+(?:[.,:]\\p{Nd}+)+${mark}*)` +
      `|(?<word>${core}(?:(?!${clitic})['’]${core})*)` +
      `|(?<clitic>(?<=${letter})${clitic})` +
      `|(?<cjk>[${CJK}]${mark}*)` +
      `|(?<escape>${ESCAPE}[ejsn]${mark}*)` +
      `|(?<symbol>(?<same>[^\\p{L}\\p{N}_${WHITE}${ESCAPE}]|_)\\k<same>*${mark}*)` +
      `|(?<special>${MARK})`,
    "gu",
  );
}

/** Lets each letter of a pattern be in any case, with the odd forms that Python takes for i and s. */
function anyCase(pattern) {
  const odd = { i: "ıİ", s: "ſ" };
  const forms = (letter) => letter + letter.toUpperCase() + (odd[letter] || "");
  return pattern.replace(/\[([a-z]+)\]|[a-z]/g, (found, several) => `[${[...(several || found)].map(forms).join("")}]`);
}

const wordTokenizer = {
  cut(tokenizer, text) {
    const { marked, symbols } = markSymbols(tokenizer, text);
    const tokens = [];
    let end = -1, before = "";
    for (const match of escapeText(marked).matchAll(WORD_PATTERN)) {
      const kind = KINDS.find((name) => match.groups[name] !== undefined);
      let token = kind === "special" ? symbols.shift() : match[0];
      if (match.index === end) {
        const joinsLeft = JOIN_LEFT.includes(kind);
        if (before === "elided" || (JOIN_RIGHT.includes(before) && !joinsLeft)) tokens[tokens.length - 1] += JOINER;
        else if (kind === "special" || (before === "special" && !joinsLeft)) tokens.push(JOINER);
        else token = JOINER + token;
      }
      tokens.push(token);
      end = match.index + match[0].length;
      before = kind;
    }
    return tokens;
  },

  join(tokenizer, tokens) {
    let text = "", joined = true;
    for (const token of visibleTokens(tokens)) {
      if (!joined && !token.startsWith(JOINER)) text += " ";
      text += unescapeText(token.replace(/^\uffed+|\uffed+$/g, ""));
      joined = token.endsWith(JOINER);
    }
    return text;
  },
};

const CHARACTER_TOKENS = { " ": SPACE, ...ESCAPES };
const TOKEN_CHARACTERS = Object.fromEntries(Object.entries(CHARACTER_TOKENS).map(([text, token]) => [token, text]));

const characterTokenizer = {
  cut(tokenizer, text) {
    return splitSymbols(tokenizer, text).flatMap((part, number) =>
      number % 2 ? [part] : [...part].map((character) => CHARACTER_TOKENS[character] ?? character),
    );
  },

  join(tokenizer, tokens) {
    const symbols = tokenizer.special_symbols;
    const text = (token) => (symbols.includes(token) ? token : TOKEN_CHARACTERS[token] ?? token);
    return visibleTokens(tokens).map(text).join("");
  },
};

const spaceTokenizer = {
  cut(tokenizer, text) {
    const hidden = (token) =>
      [PAD_TOKEN, BOS_TOKEN, EOS_TOKEN].includes(token) ? token.replace("<", "<" + EMPTY_MARK) : token;
    const { marked, symbols } = markSymbols(tokenizer, text);
    const tokens = [];
    let end = -1;
    for (const match of escapeText(marked).matchAll(new RegExp(`${MARK}|[^${WHITE}]+`, "gu"))) {
      if (match.index === end) tokens.push(JOINER); // only beside a symbol
      tokens.push(match[0] === MARK ? symbols.shift() : hidden(match[0]));
      end = match.index + match[0].length;
    }
    return tokens;
  },

  join(tokenizer, tokens) {
    let text = "", joined = true;
    for (const token of visibleTokens(tokens, UNK_TOKEN)) {
      if (tokenizer.special_symbols.length && token === JOINER) {
        joined = true;
        continue;
      }
      text += (joined ? "" : " ") + unescapeText(token);
      joined = false;
    }
    return text;
  },
};
