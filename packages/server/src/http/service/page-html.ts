/**
 * The HTML of the page at `/`. Every value is escaped; there are no scripts, as the Content-Security-Policy demands.
 */
import { COUNTED_STATES, type Queue } from '@task-center/api';

/** The values that the page shows. */
export interface PageFacts {
  readonly version: string;
  /** Address of the broker, without its password. */
  readonly broker: string;
  readonly roles: readonly string[];
  readonly mode: 'service' | 'try';
  readonly upSeconds: number;
  readonly now: Date;
  /** `hidden`: only shown to callers with a key. Null: the broker did not answer. */
  readonly queues: readonly Queue[] | 'hidden' | null;
}

/** The page's only style sheet. The policy names its hash, so it must not be changed at run time. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--paper:#fff;--card:#f6f8fa;--line:#d1d9e0;--mark:#0b57d0}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--paper:#101418;--card:#181d23;--line:#333b44;--mark:#8ab4f8}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:56rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.75rem;line-height:1.2;margin:0}
h2{font-size:1.1rem;margin:2.25rem 0 .75rem}
p{margin:.5rem 0}
.soft{color:var(--soft)}
.note{border-left:4px solid var(--mark);background:var(--card);padding:.75rem 1rem;margin-top:1.25rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.35rem 1.5rem;margin:1.25rem 0 0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.5rem .9rem;text-align:right;white-space:nowrap}
th:first-child{text-align:left}
thead th{color:var(--soft);font-weight:500;border-bottom:1px solid var(--line)}
tbody tr+tr>*{border-top:1px solid var(--line)}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.9rem 1rem;overflow-x:auto;font-size:.875rem}
code{font-family:ui-monospace,monospace}
a{color:var(--mark)}
a:focus-visible,.wide:focus-visible,pre:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
`;

/** Characters that have a meaning in HTML text and attributes. */
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string) =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

/** Time since the start in days, hours and minutes, such as `2 d 5 min`; below a minute in seconds. */
function uptime(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const parts = [days > 0 && `${days} d`, hours > 0 && `${hours} h`, minutes > 0 && `${minutes} min`];
  return parts.filter(Boolean).join(' ') || `${seconds} s`;
}

/** A row of the table of queues. A dash stands for counts that are not shown. */
function queueRow({ name, paused, counts }: Queue): string {
  const cells = COUNTED_STATES.map((state) => `<td>${counts?.[state] ?? '–'}</td>`).join('');
  return `<tr><th scope="row">${escapeHtml(name)}${paused ? ' (paused)' : ''}</th>${cells}</tr>`;
}

/**
 * The table of queues, or why there is none. If it is too wide, only the table scrolls; it can be focused to scroll it with
 * the keyboard.
 */
function queueSection(queues: PageFacts['queues']): string {
  if (queues === 'hidden')
    return `<p>To see counts, sign in with a key: <code>npx task-center queues</code>, or
<code>GET /v1/queues</code> with <code>Authorization: Bearer tc_…</code>.</p>`;
  if (queues === null) return '<p>The broker does not answer at the moment, so there are no counts.</p>';
  const heads = COUNTED_STATES.map((state) => `<th scope="col">${state}</th>`).join('');
  return `<div class="wide" tabindex="0" role="region" aria-labelledby="queues"><table>
<thead><tr><th scope="col">queue</th>${heads}</tr></thead>
<tbody>${queues.map(queueRow).join('\n')}</tbody>
</table></div>`;
}

/** Warns while callbacks may go anywhere. */
function modeNote(mode: PageFacts['mode']): string {
  if (mode !== 'try') return '';
  return `<p class="note"><strong>Mode try.</strong> Nothing is configured and only this machine can connect, so callbacks may
go to any address over plain http. Set any key in <code>etc/taskcenter.yaml</code> to run as a service.</p>`;
}

/** Commands to try. The number in the payload shows that no digit of a large integer is lost. */
const NEXT = `npx task-center receive --fail 2
npx task-center enqueue --id hello --callback-url http://127.0.0.1:9000/ --delay 3s --payload '{"order":1234567890123456789}'
npx task-center tasks show hello`;

/** The page at `/`: plain HTML without scripts. */
export function pageHtml(facts: PageFacts): string {
  const { version, broker, roles, mode, upSeconds, now, queues } = facts;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Task Center</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>Task Center</h1>
<p class="soft">Runs tasks now, later and again, and calls you back.</p>
${modeNote(mode)}
<h2>What runs here</h2>
<dl>
<dt>Version</dt><dd>${escapeHtml(version)}</dd>
<dt>Broker</dt><dd>${escapeHtml(broker)}</dd>
<dt>Roles</dt><dd>${escapeHtml(roles.join(', '))}</dd>
<dt>Up for</dt><dd>${uptime(upSeconds)}, as of <time datetime="${now.toISOString()}">${now.toISOString()}</time></dd>
</dl>
<h2 id="queues">Queues</h2>
${queueSection(queues)}
<h2>What to do next</h2>
<p>In the folder of Task Center: receive in one terminal, submit and look in another.</p>
<pre tabindex="0"><code>${escapeHtml(NEXT)}</code></pre>
<p>The contract is at <a href="/openapi.json">/openapi.json</a>; health at <a href="/healthz">/healthz</a> and
<a href="/readyz">/readyz</a>.</p>
</main>
</body>
</html>
`;
}
