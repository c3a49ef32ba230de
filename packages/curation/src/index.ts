// @moviegen/curation: choosing training videos. Measures of films and of their clips, filters, copies, balance of concepts, shares,
// and the manifest. Runs in Node: `curate` reads folders.

export type { Candidate, FileInfo, Judged, Refusal } from './choose/candidate.ts';
export {
  type ConceptOptions,
  clipEmbedding,
  factorFor,
  type ImageEmbedder,
  keptShare,
  refuseByConcepts,
} from './choose/concepts.ts';
export { COPIES, refuseCopies } from './choose/copies.ts';
export { refusalOf, THRESHOLDS, type Thresholds } from './choose/filters.ts';
export { funnelOf, funnelSvg, funnelTable, type Step } from './choose/funnel.ts';
export { type Clusters, kMeans, mergeClusters } from './choose/kMeans.ts';
export { fullCaption, type ManifestLine, manifestLine } from './choose/manifest.ts';
export { refuseForShares, type Shares, tellsOfPeople } from './choose/shares.ts';
export { STAGES, type Stage } from './choose/stages.ts';
export { cutScores } from './measures/change.ts';
export {
  CLIP_OPTIONS,
  type Clip,
  type ClipOptions,
  clipsOf,
  type Measures,
  measuresOf,
  scenesOf,
} from './measures/clips.ts';
export { type FilmMeasures, FilmMeter } from './measures/filmMeter.ts';
