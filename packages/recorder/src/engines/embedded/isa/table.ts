export type OpName = string;
