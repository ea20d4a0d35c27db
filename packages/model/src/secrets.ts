// Which names of headers and URL parameters stand for secrets, and how URLs are shown without them. Only the letters and digits
// of a name count, in any case: `X-Api-Key`, `X_API_KEY` and `apikey` are one name.

/** What stands in place of a secret. */
export const HIDDEN = '***';

/**
 * Parts of secret names, in lower case and without other marks. `auth` also begins `author` and `authority`, and `www-authenticate` asks for a
 * secret without holding one.
 */
const SECRET_NAME = new RegExp(
  [
    'authori[sz]ation',
    'auth(?!or|enticate$|entication(?:info|results)$)',
    'cookie|session|sessid',
    'token|bearer|jwt|csrf|xsrf',
    'secret|credential|passw|passphrase|passcode',
    '(?:api|access|account|app|auth|encryption|functions?|license|master|private|shared|signing|subscription)key',
  ].join('|'),
);
/** Whole names of further secret parameters of URLs, by which well-known services sign URLs or let callers in. */
const SECRET_PARAMETER = /^(?:key|code|sid|pass|pwd|pin|sign?|hmac)$|signature$/;

/** A name in the form in which it is compared. */
const plainName = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** Whether a header or field of this name usually holds a secret. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(plainName(name));

/** A part of a URL without its percent encoding. Text that is not encoded properly stays. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function isSecretParameter(name: string): boolean {
  const text = decoded(name);
  return isSecretName(text) || SECRET_PARAMETER.test(plainName(text));
}

/** Whether a value is a URL, or holds parameters of its own, with a secret in it. */
function holdsSecret(value: string): boolean {
  const text = decoded(value);
  if (/\/\/[^/?#]*@/.test(text)) return true;
  return text.split(/[\s&#?;]/).some((part) => {
    const [name = '', ...rest] = part.split('=');
    return rest.join('') !== '' && isSecretParameter(name);
  });
}

/** A parameter with its value, which is hidden if it is a secret. */
function shownParameter(before: string, name: string, value: string): string {
  return value !== '' && (isSecretParameter(name) || holdsSecret(value))
    ? `${before}${name}=${HIDDEN}`
    : `${before}${name}=${value}`;
}

/**
 * A URL, or a text that ends in one, without its login and without the values of secret parameters. What is not hidden is as
 * it was written. A secret in the path cannot be recognized.
 */
export function withoutUrlSecrets(url: string): string {
  const end = /[?#]/.exec(url)?.index ?? url.length;
  const path = url
    .slice(0, end)
    .replace(/(\/\/)[^/]*@/, `$1${HIDDEN}@`)
    // Parameters of a segment, such as `;jsessionid=…`.
    .replace(/(;)([^=;/]*)=([^;/]*)/g, (_, ...[before, name, value]: string[]) =>
      shownParameter(before ?? '', name ?? '', value ?? ''),
    );
  const query = url
    .slice(end)
    .replace(/([?&#])([^=&#]*)=([^&#]*)/g, (_, ...[before, name, value]: string[]) =>
      shownParameter(before ?? '', name ?? '', value ?? ''),
    );
  return path + query;
}
