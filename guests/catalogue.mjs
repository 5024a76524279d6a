/**
 * What there is in guests/: one entry per image, with the runs that others may ask for by name. `build.mjs` turns it into
 * images/ and manifest.json, `native/record.mjs` into native/expected.json, `verify.mjs` runs it on QEMU.
 *
 * programs: name        the image's file name without `.elf`, and the source `programs/<name>.c`
 *           description  one line
 *           machine     also link `programs/<name>-machine.c`, natively `native/<name>-machine.c`
 *           cmdlines    command lines whose checksums are recorded; the first is the default
 *           memoryMiB   the least guest memory the default command line needs
 *           input       what the console's input holds, for programs that read it
 */
export const programs = [
  { name: 'hello', description: 'greets by console_io and by the UART', cmdlines: ['', 'n=3'] },
  {
    name: 'sieve',
    description: 'sieve of Eratosthenes over n bytes',
    cmdlines: ['', 'n=1000', 'n=100000', 'n=400000'],
  },
  {
    name: 'quicksort',
    description: 'quicksort of n words',
    cmdlines: ['', 'n=1000 seed=7', 'n=20000 seed=2', 'seed=2', 'seed=3', 'seed=4'],
  },
  {
    name: 'sha256',
    description: 'SHA-256 of "abc" and of kb KiB',
    cmdlines: ['', 'kb=1', 'kb=32 seed=2', 'seed=2', 'seed=3', 'seed=4'],
  },
  {
    name: 'pchase',
    description: 'pointer chase of steps steps through kb KiB',
    cmdlines: ['', 'kb=64 steps=100000', 'kb=512', 'seed=2', 'seed=3', 'kb=8192', 'kb=16384'],
  },
  {
    name: 'matmul',
    description: 'n × n matrix products, 32-bit and 16.16 fixed point',
    cmdlines: ['', 'n=16', 'n=40 seed=7', 'seed=2', 'seed=3'],
  },
  {
    name: 'crc32',
    description: 'table-driven CRC-32 of kb KiB, rounds times',
    cmdlines: ['', 'kb=4 rounds=1', 'kb=64 rounds=2 seed=7', 'seed=2'],
  },
  { name: 'fib', description: 'recursive Fibonacci of n', cmdlines: ['', 'n=10', 'n=20', 'n=25'] },
  { name: 'interp', description: 'bytecode interpreter, Collatz lengths below n', cmdlines: ['', 'n=50', 'n=500'] },
  {
    name: 'paging',
    description: 'own page tables with 4 KB and 4 MB pages, demand paging of pages over frames in its #PF handler',
    machine: true,
    cmdlines: ['', 'steps=5000', 'pages=40 frames=8 seed=7 steps=20000', 'seed=2'],
  },
  {
    name: 'rings',
    description: 'procs ring-3 processes with own page tables, INT 0x80, preempted by the timer at hz',
    machine: true,
    cmdlines: ['', 'procs=3 n=5000', 'procs=8 n=20000 seed=7', 'hz=100', 'hz=10000'],
  },
];

/**
 * The named runs, as a scenario uses them: image, command line, memory, and how the run must end on Ringfence.
 * `outcome`: poweroff · crash (SHUTDOWN_crash) · reboot · triple-fault · halted (HLT that nothing can end) ·
 * ept-violation (an access outside the guest's memory) · budget (runs until it is stopped).
 */
export const guests = [
  ...programs.map(({ name, description, cmdlines, memoryMiB = 4, input }) => ({
    name,
    image: name,
    description,
    cmdline: cmdlines[0],
    memoryMiB,
    ...(input === undefined ? {} : { input }),
    hostile: false,
    outcome: 'poweroff',
  })),
];
