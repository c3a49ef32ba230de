// The page of a comparison: its document and its style. What it does is in page.ts.

/** The document. */
export const DOCUMENT = /* html */ `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Compare videos</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script type="module" src="/page.js"></script>
</head>
<body>
<main>
<form id="who">
<h1>Compare videos</h1>
<p>You will see two videos of the same prompt, and one question about them. There are no right answers: say what you see.</p>
<label for="name">Your name</label>
<input id="name" name="name" autocomplete="nickname" required maxlength="80">
<button type="submit">Begin</button>
</form>
<section id="judging" hidden aria-labelledby="question">
<p class="axis"><span id="axis"></span> <span id="progress"></span></p>
<h1 id="question" tabindex="-1"></h1>
<p>Prompt: <q id="prompt"></q></p>
<div class="pair">
<figure><video id="left" muted playsinline aria-label="Left video"></video><figcaption>Left</figcaption></figure>
<figure><video id="right" muted playsinline aria-label="Right video"></video><figcaption>Right</figcaption></figure>
</div>
<div class="choices" role="group" aria-labelledby="question">
<button type="button" id="choose-left" aria-keyshortcuts="a">Left is better <kbd>A</kbd></button>
<button type="button" id="choose-tie" aria-keyshortcuts="t">Tie <kbd>T</kbd></button>
<button type="button" id="choose-right" aria-keyshortcuts="b">Right is better <kbd>B</kbd></button>
</div>
<div class="choices">
<button type="button" id="play" aria-keyshortcuts="p">Pause <kbd>P</kbd></button>
<button type="button" id="undo" aria-keyshortcuts="u">Undo <kbd>U</kbd></button>
<label><input type="checkbox" id="keys" checked> Keys without Ctrl</label>
</div>
</section>
<section id="finished" hidden>
<h1 id="thanks" tabindex="-1">That was all. Thank you.</h1>
<p>You can close the page, or take back your last vote.</p>
<button type="button" id="undo-last">Undo</button>
</section>
<p id="problem" role="alert"></p>
<p id="said" class="unseen" role="status"></p>
</main>
</body>
</html>
`;

/** The style. */
export const STYLE = /* css */ `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 75rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.3rem; margin: .5rem 0; }
h1:focus { outline: none; }
.axis { margin: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
figure { margin: 0; text-align: center; }
video { width: 100%; max-height: 60vh; background: #000; object-fit: contain; }
.choices { display: flex; flex-wrap: wrap; gap: .5rem; justify-content: center; align-items: center; margin: 1rem 0; }
button, input:not([type=checkbox]) { font: inherit; padding: .5rem 1rem; min-height: 2.75rem; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
#problem:empty { display: none; }
#problem { border: 2px solid; padding: .5rem; }
[hidden] { display: none; }
`;
