// The public names of @moviegen/wan.

export {};
