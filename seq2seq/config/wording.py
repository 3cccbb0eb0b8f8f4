"""How numbers are said in messages."""


def counted(number: int, noun: str) -> str:
    """A number with what it counts.

    >>> counted(1, "pair"), counted(2500, "training pair")
    ('1 pair', '2,500 training pairs')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"
