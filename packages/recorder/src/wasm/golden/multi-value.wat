(module
  (type (;0;) (func (param i64 i64) (result i64 i64)))
  (type (;1;) (func (param i32 i64 f32 f64) (result i32 i64 f32 f64)))
  (func (;0;) (type 0) (param i64 i64) (result i64 i64)
    local.get 0
    local.get 1
    i64.div_s
    local.get 0
    local.get 1
    i64.rem_s)
  (func (;1;) (type 0) (param i64 i64) (result i64 i64)
    (local i64 i64)
    local.get 0
    local.get 1
    call 0
    local.set 2
    local.set 3
    local.get 2
    local.get 3)
  (func (;2;) (type 1) (param i32 i64 f32 f64) (result i32 i64 f32 f64)
    local.get 0
    local.get 1
    local.get 2
    local.get 3)
  (export "divide" (func 0))
  (export "swapped" (func 1))
  (export "all" (func 2)))
