/** Writes `etc/taskcenter.yaml` from the table of settings; `npm run generate` stores it. */
import { stringify } from 'yaml';
import { settingAt, settingPaths, variableOf, type SettingPath } from './settings.ts';

const HEADER = `# Task Center: every key with its default (or an example, where it says so), commented out.
# Remove the "# " to set a key. The variable named beside it overrides this file; a flag overrides both.
# While this file sets nothing, a service on loopback runs in mode "try", where callbacks may go anywhere.
`;

/** A line such as `port: 7420`: the last part of the path, with the example or the default. */
function lineOf(path: SettingPath): string {
  const { fallback, example } = settingAt(path);
  const key = path.split('.').at(-1) ?? path;
  const value =
    example ?? stringify(fallback, { collectionStyle: 'flow', flowCollectionPadding: false }).trim();
  return `${key}: ${value}`;
}

const REFERENCE_HEADER = `# Configuration reference

A key is set in the file (\`--config\`, else \`etc/taskcenter.yaml\`), by its environment variable, or by a flag of \`task-center serve\`. A flag overrides the variable, and
the variable overrides the file. [etc/taskcenter.yaml](../etc/taskcenter.yaml) has the same keys as a file to edit. This page is generated.
The variables \`OTEL_…\` of OpenTelemetry, such as \`OTEL_EXPORTER_OTLP_ENDPOINT\`, say where traces go: [tracing.md](tracing.md#the-service).

A change of a key marked **SIGHUP** takes effect when the service is told to
[read its configuration again](stop.md#reading-the-configuration-again). All others need a restart.
`;

/** Text of the reference: each key with its variable, its default, what it means, and when a change takes effect. */
export function referencePage(): string {
  const sections = settingPaths.map((path) => {
    const { about, expected, fallback, example, live } = settingAt(path);
    const value = fallback === null ? 'see below' : `\`${JSON.stringify(fallback)}\``;
    const shown = example === undefined ? '' : ` Example: \`${example}\`.`;
    const facts = [`Variable \`${variableOf(path)}\``, `default ${value}`, live ? '**SIGHUP**' : 'restart'];
    return `## \`${path}\`\n\n${facts.join('; ')}.\n\n${about}\n\nExpected: ${expected.replaceAll('<', '\\<')}.${shown}\n`;
  });
  return [REFERENCE_HEADER, ...sections].join('\n');
}

/** Text of the sample configuration: each key with a comment above it, every line commented out. */
export function sampleYaml(): string {
  const lines: string[] = [];
  let group = '';
  for (const path of settingPaths) {
    const parent = path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : '';
    const indent = parent === '' ? '' : '  ';
    lines.push('');
    if (parent !== group && parent !== '') lines.push(`# ${parent}:`);
    const { about, live } = settingAt(path);
    const effect = live ? 'A change takes effect at SIGHUP.' : 'A change needs a restart.';
    const comments = [about, `Variable: ${variableOf(path)}. ${effect}`];
    lines.push(...comments.map((line) => `# ${indent}# ${line}`), `# ${indent}${lineOf(path)}`);
    group = parent;
  }
  return `${HEADER}${lines.join('\n')}\n`;
}
