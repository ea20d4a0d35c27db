/** Makes API keys, and what is stored of them. */
import { createHash, randomInt } from 'node:crypto';
import type { ApiKey } from '@task-center/api';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
const SECRET_LENGTH = 43;

const randomText = (alphabet: string, length: number) =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

/** A new key with a random ID and secret. */
export function newApiKey(env: string): ApiKey {
  return { env, id: randomText(ID_DIGITS, ID_LENGTH), secret: randomText(DIGITS, SECRET_LENGTH) };
}

/** The stored form of a secret: its SHA-256 in hex. It needs no salt, because a secret is 256 random bits. */
export const secretHash = (secret: string): string => createHash('sha256').update(secret).digest('hex');
