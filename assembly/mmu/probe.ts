/** The MMU with its internals exported, for tests and benches. */
export * from '../layout';
export * from './access';
export * from './bench';
export * from './code';
export * from './ept';
export * from './ept-map';
export * from './frame';
export * from './paging';
export { eptReclaim } from './share';
export * from './stlb';
export * from './tlb';
