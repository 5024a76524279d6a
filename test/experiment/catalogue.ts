import type { LoadContext } from '../../src/experiment/load-domain.js';

const NAMES = ['hello', 'quicksort', 'sieve', 'spin'];

/** A catalogue of guests that need not exist, so that the loader's rules are tested without images. */
export const context: LoadContext = {
  catalogue: {
    names: NAMES,
    find: (name) =>
      NAMES.includes(name)
        ? {
            ...{
              name,
              image: name,
              path: `/guests/${name}.elf`,
              description: '',
              cmdline: '',
              hostile: name === 'spin',
            },
            memoryBytes: 4 * 1024 ** 2,
          }
        : undefined,
    native: (image, cmdline) => (image === 'sieve' && cmdline === '' ? { sieve: '0badcafe' } : undefined),
  },
};
