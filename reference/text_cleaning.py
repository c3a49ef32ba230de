"""Makes packages/text/test/cleaning.json: hard texts, what html.unescape and diffusers' prompt_clean (ftfy without the repair of
mojibake) make of them, and their tokens by the library of the tokenizer of Wan's fixtures."""

import html
import json
import re
from pathlib import Path

import ftfy
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parent.parent / "packages"
TEXTS = [
    # Entities: numbers that HTML5 replaces or drops, names without semicolon, the longest name, names that are none, twice.
    "&#0; &#1; &#13; &#x80; &#128 &#150; &#x9d; &#xD800; &#x110000; &#xFFFE; &#xFDD0; &#127; &#11; &#12;",
    "&#65 &#x41 &#X41; &#00065; &#99999999999999999999; &#; &#x; &#xfeff;|",
    "this&not that &notit; &notin; &notinx; &ampamp; &ampx &copycat &lt&gt;",
    "P&EACUTE;REZ BUNDESSTRA&SZLIG;E &Ntilde; &NTILDE; &nTILDE; &FRAC12; &NAPOS;",
    "&amp;lt;b&amp;gt; &amp;amp;amp; &#38;#38;lt; &CounterClockwiseContourIntegral; &fjlig; &bne; &Jscr;",
    "one &eacute; < two\nthree &eacute; &amp;eacute;",
    "one &lt; &eacute;\ntwo <\nthree &EACUTE;",
    # Forms of characters.
    "ＬＯＵＤ　ＮＯＩＳＥＳ， １２。 ｶﾀｶﾅ ﾊﾟﾝ ￥￦ ﾡﾢ ｡｢｣",
    "ﬁﬂﬀﬃﬄﬅﬆ Ĳĳ ŉ ǄǅǆǇǈǉǊǋǌ Ǳǲǳ ﷺ ㎏ ① ½ ²",
    "“a” „b‟ ‘c’ ‚d‛ ʼn «e» ‹f›",
    "e\u0301 A\u030a Å Ω か\u3099 한 ﾞ",
    # Line breaks, white space, controls, escapes.
    "a\r\nb\rc\u2028d\u2029e\u0085f\u000bg\u000ch\u001ci\u00a0j\u1680k\u2003l\u202fm\u205fn\u3000o\u200bp\u180eq",
    "\x1b[31;1mred\x1b[0m \x1b[\u0663m \x1b[;m \x1b[31 m \x07bell\x7f \ufeffx\ufff9y\ufffcz \u206a \u200d\u200e",
    "\x80 \x93quoted\x94 \x81 \x9d",
    # Bytes of what no piece covers, and texts that look like pieces.
    "☃ ☃☃ 𝒥🙂 👩‍👩‍👧 色调艳丽 ไทย नि \ufffd",
    "<0x41> <0xE2><0x98> ▁ a▁b <unk> <s> </s><pad>x<extra_id_0>y <extra_id_9>",
    "cat☃cat ☃cat cat☃",
    "",
    " \u3000\n",
    "☃" * 200,
]


def clean(text: str) -> str:
    text = ftfy.fix_text(text, fix_encoding=False)
    text = html.unescape(html.unescape(text)).strip()
    return re.sub(r"\s+", " ", text).strip()


def main() -> None:
    tokenizer = Tokenizer.from_file(str(ROOT / "wan/fixtures/t2v/tokenizer/tokenizer.json"))
    tokenizer.enable_truncation(512)
    rows = [
        {
            "text": text,
            "unescaped": html.unescape(text),
            "cleaned": clean(text),
            "ids": tokenizer.encode(clean(text)).ids,
            "uncleaned": tokenizer.encode(text).ids,
        }
        for text in TEXTS
    ]
    path = ROOT / "text/test/cleaning.json"
    path.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
