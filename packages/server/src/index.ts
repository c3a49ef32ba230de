// The public names of @moviegen/server.

export {};
