// The public names of @moviegen/gguf.

export {};
