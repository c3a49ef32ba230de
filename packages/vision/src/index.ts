// The public names of @moviegen/vision.

export {};
