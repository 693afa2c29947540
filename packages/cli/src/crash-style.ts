/** How the HTML page of a crash report looks, and the few lines that make its charts zoom. */

export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --dim: #59636e; --line: #d1d9e0;
  --code: #f4f6f8; --bad: #b3261e; --badpaper: #fdecea; --l: 82%; --barink: #111; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #14171b; --dim: #98a2ad;
  --line: #343b43; --code: #1d2127; --bad: #ff9c94; --badpaper: #3a1f1d; --l: 32%;
  --barink: #f2f2f2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 82rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h1.bad { color: var(--bad); }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; border-bottom: 1px solid var(--line); }
p { margin: .3rem 0; overflow-wrap: anywhere; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
code, pre, td, .bar { font-family: ui-monospace, 'DejaVu Sans Mono', Consolas, monospace;
  font-size: 13px; }
code { background: var(--code); padding: .1em .3em; border-radius: 3px; overflow-wrap: anywhere; }
pre { background: var(--code); padding: .6rem; margin: .3rem 0; overflow-x: auto; }
pre .here, tr.bad td { color: var(--bad); background: var(--badpaper); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 600; color: var(--dim); }
th, td { padding: .08rem .9rem .08rem 0; white-space: pre; vertical-align: top; }
.right { text-align: right; }
td.note { color: var(--dim); }
dt { margin-top: .5rem; color: var(--dim); }
dd { margin: 0; }
.chart { position: relative; overflow: hidden; background: var(--code); margin: .3rem 0; }
.bar { position: absolute; height: 17px; line-height: 16px; font-size: 11px; padding: 0 2px;
  overflow: hidden; white-space: nowrap; text-overflow: ellipsis; color: var(--barink);
  background: hsl(var(--h) 60% var(--l)); border: solid var(--paper); border-width: 0 1px 1px 0; }
.thin { color: transparent; padding: 0; }
.js .bar { cursor: pointer; }
.dim { color: var(--dim); }
`;

/** A click on a bar makes it as wide as its chart; one on the widest goes back. */
export const SCRIPT = `
document.documentElement.classList.add('js');
for (const chart of document.querySelectorAll('.chart')) {
  const bars = [...chart.children].map((bar) => ({
    bar, left: parseFloat(bar.style.left), width: parseFloat(bar.style.width) }));
  let from = 0, share = 100;
  chart.addEventListener('click', (event) => {
    const one = bars.find(({ bar }) => bar === event.target);
    if (!one) return;
    const isWide = one.left === from && one.width === share;
    from = isWide ? 0 : one.left;
    share = isWide ? 100 : one.width;
    for (const { bar, left, width } of bars) {
      bar.style.left = (left - from) * 100 / share + '%';
      bar.style.width = width * 100 / share + '%';
      bar.classList.toggle('thin', width * 100 / share < 1);
    }
  });
}
`;
