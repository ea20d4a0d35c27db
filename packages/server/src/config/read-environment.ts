/** Reads the variables that begin with `TASKCENTER_`. */
import { didYouMean } from '@task-center/api';
import { readText, type GivenByPath } from './given.ts';
import { settingPaths, settings, variableOf } from './settings.ts';

/** Variables of the command line; they are not keys of the service. */
const OTHER_VARIABLES = ['TASKCENTER_URL', 'TASKCENTER_CONFIG'];

/**
 * Kubernetes sets variables for each Service, named after it: for `taskcenter` TASKCENTER_PORT=tcp://10.0.0.1:80 and some more.
 * For a Service `taskcenter-http` one of them has the name of our key http.port.
 */
const SERVICE_NAMES = /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/;
const SERVICE_URL = /^(?:tcp|udp|sctp):\/\//;

const isOfKubernetes = (name: string, text: string): boolean =>
  SERVICE_NAMES.test(name) || (name.endsWith('_PORT') && SERVICE_URL.test(text));

function kubernetesWarning(names: readonly string[]): string {
  const [first, ...others] = names;
  const what = others.length === 0 ? `${first} is` : `${first} and ${others.length} more variables are`;
  return `${what} set by Kubernetes for a Service of that name, and not used (enableServiceLinks: false in the pod turns this off)`;
}

function unknownWarning(name: string, known: readonly string[]): string {
  const near = didYouMean(
    name.toLowerCase(),
    known.map((variable) => variable.toLowerCase()),
  );
  return `${name} is not a known variable${near ? `; did you mean ${near.toUpperCase()}?` : ''}`;
}

/**
 * Reads the variables; an empty one counts as not set. Returns warnings: an unknown one is no error, because other
 * programs share the environment.
 */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  given: GivenByPath,
): string[] {
  const variables = new Map(settingPaths.map((path) => [variableOf(path), path]));
  const warnings: string[] = [];
  const ofKubernetes: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('TASKCENTER_') || text === undefined) continue;
    const path = variables.get(name);
    // A name of ours comes first: it would be used by mistake.
    if (isOfKubernetes(name, text)) ofKubernetes[path ? 'unshift' : 'push'](name);
    else if (path !== undefined && text !== '')
      given.set(path, { value: readText(text, settings[path].form), source: name });
    else if (path === undefined && !OTHER_VARIABLES.includes(name))
      warnings.push(unknownWarning(name, [...variables.keys()]));
  }
  if (ofKubernetes.length > 0) warnings.push(kubernetesWarning(ofKubernetes));
  return warnings;
}
