import { assert, property, webUrl } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSecretName, withoutUrlSecrets } from './secrets.ts';

describe('a name of a secret', () => {
  test.each(
    (
      'Authorization Proxy-Authorization X_Authorization x-authorisation COOKIE set-cookie X-Auth X-Auth-Key x_auth OAuth ' +
      'x-auth-token Client-Secret X-Api-Key X_API_KEY apikey ApiKey X-ApiKey api_key X-Password passwd X-Passphrase X-Session ' +
      'X-Session-Id JSESSIONID PHPSESSID X-CSRF X-XSRF-TOKEN X-Credentials X-Access-Key Ocp-Apim-Subscription-Key ' +
      'x-functions-key X-JWT X-Bearer Private-Token'
    ).split(' '),
  )('is %s', (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  test.each(
    (
      'content-type x-author x-authority x-request-id idempotency-key webhook-id webhook-signature www-authenticate ' +
      'proxy-authenticate authentication-info task-center-business-id traceparent retry-after x-partition-key x-keyboard'
    ).split(' '),
  )('is not %s', (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe('a URL is shown', () => {
  test.each([
    ['https://a.test/x?apikey=S&b=1', 'https://a.test/x?apikey=***&b=1'],
    ['https://a.test/x?b=1&X_API_KEY=S', 'https://a.test/x?b=1&X_API_KEY=***'],
    ['https://a.test/x?b=1&access_token=S#frag', 'https://a.test/x?b=1&access_token=***#frag'],
    ['https://a.test/#access_token=S&x=1', 'https://a.test/#access_token=***&x=1'],
    ['https://a.test/x?%61pikey=S', 'https://a.test/x?%61pikey=***'],
    ['https://a.test/x?auth[token]=S', 'https://a.test/x?auth[token]=***'],
    ['https://a.test/x?user.password=S?S;S', 'https://a.test/x?user.password=***'],
    ['https://a.test/x?token=S=S', 'https://a.test/x?token=***'],
    ['https://a.test/x?token=S%', 'https://a.test/x?token=***'],
    ['https://a.test/x?sig=S&sv=2024&key=S&sign=S', 'https://a.test/x?sig=***&sv=2024&key=***&sign=***'],
    ['https://a.test/x?X-Amz-Signature=S&X-Amz-Date=1', 'https://a.test/x?X-Amz-Signature=***&X-Amz-Date=1'],
    ['https://user:S@a.test:8/x?y=1', 'https://***@a.test:8/x?y=1'],
    ['https://S@a.test/', 'https://***@a.test/'],
    ['https://u:S@S@a.test/', 'https://***@a.test/'],
    ['https://a.test/x;jsessionid=S/y?z=1', 'https://a.test/x;jsessionid=***/y?z=1'],
    ['https://a.test/?next=https%3A%2F%2Fb.test%2F%3Ftoken%3DS', 'https://a.test/?next=***'],
    ['https://a.test/?next=https://u:S@b.test/', 'https://a.test/?next=***'],
    ['https://a.test/?a=1;token=S', 'https://a.test/?a=***'],
    ['/relative?session=S', '/relative?session=***'],
  ])('%s as %s', (url, shown) => {
    expect(withoutUrlSecrets(url)).toBe(shown);
  });

  test.each([
    'https://a.test/hooks/task?order=1&author=x&page=2',
    'https://a.test/a@b/?mail=a@b.test',
    'https://a.test/?token=',
    'https://a.test/?tokens',
    'https://a.test/%E0%A4%A?x=%E0%A4%A',
    '',
  ])('%s as it is', (url) => {
    expect(withoutUrlSecrets(url)).toBe(url);
  });

  test('without its secret whatever is around it', () => {
    assert(
      property(webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        const [address = '', fragment] = url.split('#');
        const joined = `${address}${address.includes('?') ? '&' : '?'}X-Api-Key=S3CRET${fragment === undefined ? '' : `#${fragment}`}`;
        expect(withoutUrlSecrets(joined)).not.toContain('S3CRET');
      }),
    );
  });
});
