// What the commands of other packages share with those of this one (addOns.ts).

export type { AddOn } from './addOns.ts';
export { withAdapter, withCommon } from './common.ts';
export { type CommonOptions, MEGABYTES, Run } from './run.ts';
export { integer, number } from './values.ts';
