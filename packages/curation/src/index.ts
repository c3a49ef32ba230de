// The public names of @moviegen/curation.

export {};
