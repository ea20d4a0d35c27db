import { describe, expect, test } from 'vitest';
import { checkCallbackUrl, type UrlRules } from './url-rules.ts';

const service = (...allow: UrlRules['allow'][number][]): UrlRules => ({ mode: 'service', allow });
const anywhere: UrlRules = { mode: 'try', allow: [] };
const codeOf = (url: string, rules: UrlRules) => {
  const verdict = checkCallbackUrl(url, rules);
  return verdict.ok ? 'ok' : verdict.code;
};

describe('an invalid URL', () => {
  test.each([
    ['ftp://example.com/'],
    ['file:///etc/passwd'],
    ['example.com/hook'],
    ['//example.com/'],
    ['https:example.com'],
    ['https://'],
    ['https:///example.com/'],
    ['http://?example.com'],
    ['https://user@example.com/'],
    ['https://user:pass@example.com/'],
    ['https://@example.com/'],
    ['https://example.com:99999/'],
    ['https://example.com:0/'],
    ['https://exa mple.com/'],
    ['https://example.com/\n'],
    ['https://example.com\\@evil.test/'],
    ['https://a..b/'],
    [`https://${'a'.repeat(64)}.test/`],
    ['https://256.256.256.256/'],
    [`https://example.com/${'x'.repeat(2_048)}`],
    [`https://example.com/${'é'.repeat(1_020)}`],
  ])('%s is refused in every mode', (url) => {
    expect(codeOf(url, anywhere)).toBe('invalid_url');
    expect(codeOf(url, service({ host: '*.com', ports: ['1-65535'], http: true }))).toBe('invalid_url');
  });

  test('has no user name just because of an @ in its path', () => {
    expect(codeOf('https://example.com/@me?to=a@b', anywhere)).toBe('ok');
  });
});

test('in mode try loopback, private addresses and http are allowed', () => {
  for (const url of ['http://127.0.0.1:9000/', 'http://10.1.2.3/', 'https://[::1]:8443/x', 'http://erp.lan'])
    expect(codeOf(url, anywhere)).toBe('ok');
});

describe('in mode service', () => {
  test('nothing is allowed without a rule', () => {
    for (const url of ['https://example.com/', 'http://127.0.0.1/', 'https://169.254.169.254/latest'])
      expect(codeOf(url, service())).toBe('url-blocked');
  });

  test('the refusal names the address, the rule and the configuration to add', () => {
    expect(checkCallbackUrl('http://0x7f.1:9000/', service())).toEqual({
      ok: false,
      code: 'url-blocked',
      message: 'Callbacks to 127.0.0.1:9000 over http are not allowed: no entry of callbacks.allow matches.',
      address: '127.0.0.1',
      target: 'http://127.0.0.1:9000',
      entry: '{"cidr":"127.0.0.1/32","ports":["9000"],"http":true}',
      rule: 'callbacks.allow',
      configuration:
        'callbacks: {allow: [{"cidr":"127.0.0.1/32","ports":["9000"],"http":true}]} in etc/taskcenter.yaml, ' +
        'or TASKCENTER_CALLBACKS_ALLOW=[{"cidr":"127.0.0.1/32","ports":["9000"],"http":true}]',
    });
  });

  test.each([
    ['http://erp.lan:8080/x'],
    ['https://erp.lan/'],
    ['http://127.1:9000/'],
    ['http://[::ffff:7f00:1]/'],
    ['https://[2001:db8::1]:8443/'],
  ])('the proposed configuration allows %s', (url) => {
    const verdict = checkCallbackUrl(url, service());
    if (verdict.ok || verdict.code !== 'url-blocked') throw new Error('it should be blocked');
    const allow = JSON.parse(verdict.configuration.split('TASKCENTER_CALLBACKS_ALLOW=')[1] ?? '');
    expect(codeOf(url, service(...allow))).toBe('ok');
  });

  test('a host is matched as a whole, in upper or lower case, with or without a final dot', () => {
    const rules = service({ host: 'erp.example.com' });
    expect(codeOf('https://ERP.Example.com./hook', rules)).toBe('ok');
    expect(codeOf('https://erp.example.com.evil.test/', rules)).toBe('url-blocked');
    expect(codeOf('https://xerp.example.com/', rules)).toBe('url-blocked');
  });

  test('a glob allows the subdomains of a suffix, but never the suffix itself', () => {
    const rules = service({ host: '*.example.com' });
    expect(codeOf('https://a.b.example.com/', rules)).toBe('ok');
    expect(codeOf('https://example.com/', rules)).toBe('url-blocked');
    expect(codeOf('https://badexample.com/', rules)).toBe('url-blocked');
  });

  test('http is allowed only where the rule says so', () => {
    expect(codeOf('http://erp.lan/', service({ host: 'erp.lan', ports: [80, 443] }))).toBe('url-blocked');
    expect(codeOf('http://erp.lan/', service({ host: 'erp.lan', http: true }))).toBe('ok');
    expect(codeOf('https://erp.lan/', service({ host: 'erp.lan', http: true }))).toBe('ok');
  });

  test('ports are single numbers or ranges, as numbers or text', () => {
    const rules = service({ host: 'erp.lan', ports: [443, '8000-8100'] });
    expect(codeOf('https://erp.lan/', rules)).toBe('ok');
    expect(codeOf('https://erp.lan:8100/', rules)).toBe('ok');
    expect(codeOf('https://erp.lan:8101/', rules)).toBe('url-blocked');
  });

  test.each([
    ['https://10.1.2.3/'],
    ['https://0xa.1.2.3/'],
    ['https://167838211/'],
    ['https://012.1.2.3/'],
    ['https://[::ffff:10.1.2.3]/'],
    ['https://[0:0:0:0:0:ffff:a01:203]/'],
  ])('addresses are compared, not spellings: %s is in 10.0.0.0/8', (url) => {
    expect(codeOf(url, service({ cidr: '10.0.0.0/8' }))).toBe('ok');
    expect(codeOf(url, service({ cidr: '192.168.0.0/16' }))).toBe('url-blocked');
  });

  test('a network never matches a name, and an invalid network matches nothing', () => {
    expect(codeOf('https://ten.example.com/', service({ cidr: '0.0.0.0/0' }))).toBe('url-blocked');
    expect(codeOf('https://10.1.2.3/', service({ cidr: '10.0.0.0/99' }))).toBe('url-blocked');
    expect(codeOf('https://10.1.2.3/', service({ cidr: 'ten' }))).toBe('url-blocked');
  });
});
