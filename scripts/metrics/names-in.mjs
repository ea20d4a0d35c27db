// Which metrics an expression of Prometheus uses. Rules and panels are made with it: one that names what does not exist is not made.

const NAME = /\b(?:taskcenter|process|nodejs|asynq)_[a-z0-9_]+/g;
/** What Prometheus adds to the name of a histogram. */
const PART = /_(?:bucket|sum|count)$/;

/** The metric that a name in an expression belongs to; undefined = there is none. */
function metricOf(name, definitions) {
  if (definitions[name]) return definitions[name].type === 'histogram' ? undefined : name;
  const base = name.replace(PART, '');
  return definitions[base]?.type === 'histogram' ? base : undefined;
}

/** Labels that the expression selects or groups by, as far as they stand in braces or behind `by`. */
function labelsIn(expression) {
  const lists = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list.split(','));
  const selectors = [...expression.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label);
  return [...lists.map((label) => label.trim()), ...selectors].filter(Boolean);
}

/** What Prometheus itself adds to each metric. */
const OWN_LABELS = new Set(['le', 'instance', 'job']);

/**
 * The metrics that an expression uses.
 *
 * @throws Error for a name or a label that no definition has, or for one that is read in the wrong way
 */
export function metricsIn(expression, definitions) {
  const names = (expression.match(NAME) ?? []).map((name) => {
    const metric = metricOf(name, definitions);
    if (metric === undefined) throw new Error(`no metric has the name ${name}, in: ${expression}`);
    return metric;
  });
  if (names.length === 0) throw new Error(`it uses no metric: ${expression}`);
  const known = new Set(names.flatMap((name) => definitions[name].labels));
  const unknown = labelsIn(expression).find((label) => !known.has(label) && !OWN_LABELS.has(label));
  if (unknown !== undefined) throw new Error(`its metrics have no label ${unknown}: ${expression}`);
  return new Set(names);
}
