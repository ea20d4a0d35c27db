import { expect, test } from 'vitest';
import { deliveryId } from './delivery-id.ts';

test('the example of the API has its delivery ID', () => {
  const createdMs = Date.parse('2026-11-24T08:00:00.125Z');
  expect(deliveryId('critical', 'paid-1001', createdMs)).toBe('dlv_3tukrgvhavrg7dn4how343diwy');
});

test('another queue, ID or time of submission gives another delivery ID', () => {
  const ids = [
    deliveryId('a', 'b', 1),
    deliveryId('a', 'b', 2),
    deliveryId('a', 'c', 1),
    deliveryId('ab', '', 1),
  ];
  expect(new Set(ids).size).toBe(4);
  for (const id of ids) expect(id).toMatch(/^dlv_[a-z2-7]{26}$/);
});
