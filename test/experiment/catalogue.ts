import type { LoadContext } from '../../src/experiment/load.js';

/** A catalogue of guests that need not exist, so that the loader's rules are tested without images. */
export const context: LoadContext = {
  catalogue: {
    names: ['hello', 'quicksort', 'sieve', 'spin'],
    find: (name) => (['hello', 'quicksort', 'sieve', 'spin'].includes(name) ? `/guests/${name}.elf` : undefined),
    hasNative: (name, cmdline) => name === 'sieve' && cmdline === '',
    native: (name) => (name === 'sieve' ? ['0badcafe'] : undefined),
  },
};
