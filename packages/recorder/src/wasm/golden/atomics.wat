(module
  (type (;0;) (func (param i32 i32 i32) (result i32)))
  (type (;1;) (func (param i32 i64 i64) (result i64)))
  (import "env" "memory" (memory (;0;) 1 4 shared))
  (func (;0;) (type 0) (param i32 i32 i32) (result i32)
    local.get 0
    local.get 1
    local.get 2
    i32.atomic.rmw.cmpxchg offset=16)
  (func (;1;) (type 1) (param i32 i64 i64) (result i64)
    local.get 0
    local.get 1
    local.get 2
    i64.atomic.rmw.cmpxchg)
  (export "i32" (func 0))
  (export "i64" (func 1)))
