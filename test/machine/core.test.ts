/** One instance serves all hosts that a memory holds one after the other; that it has no state of its own, test/isa/module.test.ts tells. */
import { expect, it } from 'vitest';
import { Core, coreModule } from '../../src/machine/core.js';

it('is linked once to a memory, and once to each', () => {
  const memory = () => new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  const [one, other] = [memory(), memory()];
  const [a, b, c] = [new Core(coreModule(), one), new Core(coreModule(), one), new Core(coreModule(), other)];
  expect(b.call).toBe(a.call);
  expect(c.call).not.toBe(a.call);
  expect(c.layout).toBe(a.layout);
});
