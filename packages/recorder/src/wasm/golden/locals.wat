(module
  (type (;0;) (func (param i32 i64) (result i64)))
  (type (;1;) (func (result f64)))
  (func (;0;) (type 0) (param i32 i64) (result i64)
    (local i32 i32 i32 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 f32 v128 i64)
    local.get 1
    local.set 137
    local.get 0
    local.set 2
    local.get 2
    i64.extend_i32_s
    local.get 137
    i64.add
    local.tee 134
    local.get 134
    i64.mul)
  (func (;1;) (type 1) (result f64)
    (local f64)
    f64.const 0x1p+1 (;=2;)
    local.tee 0
    local.get 0
    f64.mul)
  (export "last" (func 0))
  (export "late" (func 1)))
