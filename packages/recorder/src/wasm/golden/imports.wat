(module
  (type (;0;) (func (param i64) (result i64)))
  (type (;1;) (func (param i32 f64)))
  (type (;2;) (func (result i64 i32)))
  (type (;3;) (func (param i64) (result i64 i32)))
  (import "env" "memory" (memory (;0;) 1 4 shared))
  (import "host" "twice" (func (;0;) (type 0)))
  (import "env" "table" (table (;0;) 1 funcref))
  (import "host" "tell \e2\9c\93" (func (;1;) (type 1)))
  (import "host" "pair" (func (;2;) (type 2)))
  (func (;3;) (type 3) (param i64) (result i64 i32)
    i32.const -5
    f64.const 0x1p-1 (;=0.5;)
    call 1
    call 2
    drop
    local.get 0
    call 0
    i64.add
    call 2
    drop
    i64.sub
    i32.const 3)
  (export "run" (func 3))
  (export "twice again" (func 0)))
