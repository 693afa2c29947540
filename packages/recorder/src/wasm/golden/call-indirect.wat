(module
  (type (;0;) (func (param i32 i32) (result i32)))
  (type (;1;) (func))
  (type (;2;) (func (param i32 i32 i32) (result i32)))
  (import "env" "table" (table (;0;) 8 funcref))
  (func (;0;) (type 0) (param i32 i32) (result i32)
    local.get 0
    local.get 1
    i32.add)
  (func (;1;) (type 0) (param i32 i32) (result i32)
    local.get 0
    local.get 1
    i32.sub)
  (func (;2;) (type 1))
  (func (;3;) (type 2) (param i32 i32 i32) (result i32)
    local.get 1
    local.get 2
    local.get 0
    call_indirect (type 0))
  (export "apply" (func 3))
  (elem (;0;) (i32.const 2) func 0 1)
  (elem (;1;) (i32.const 5) func 2))
