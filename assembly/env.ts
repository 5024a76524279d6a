/** What the host gives the machine: functions of the import module that this file's name names. src/machine/core.ts has them. */

/** Does the `count` jobs of smm/batch.ts at `jobs`, with as many pages from `stream` on to work in: HostKeystream.run(). */
export declare function hostKeystream(jobs: usize, count: u32, stream: usize): void;
