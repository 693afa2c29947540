(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i32) (result i64)))
  (type (;2;) (func (param i32) (result f32)))
  (type (;3;) (func (param i32) (result f64)))
  (type (;4;) (func (param i32 i32)))
  (type (;5;) (func (param i32 i64)))
  (type (;6;) (func (param i32 f32)))
  (type (;7;) (func (param i32 f64)))
  (import "env" "memory" (memory (;0;) 1 4 shared))
  (func (;0;) (type 0) (param i32) (result i32)
    local.get 0
    i32.load offset=8 align=1)
  (func (;1;) (type 1) (param i32) (result i64)
    local.get 0
    i64.load offset=8 align=1)
  (func (;2;) (type 2) (param i32) (result f32)
    local.get 0
    f32.load offset=8 align=1)
  (func (;3;) (type 3) (param i32) (result f64)
    local.get 0
    f64.load offset=8 align=1)
  (func (;4;) (type 0) (param i32) (result i32)
    local.get 0
    i32.load8_s offset=8)
  (func (;5;) (type 0) (param i32) (result i32)
    local.get 0
    i32.load8_u offset=8)
  (func (;6;) (type 0) (param i32) (result i32)
    local.get 0
    i32.load16_s offset=8 align=1)
  (func (;7;) (type 0) (param i32) (result i32)
    local.get 0
    i32.load16_u offset=8 align=1)
  (func (;8;) (type 1) (param i32) (result i64)
    local.get 0
    i64.load8_s offset=8)
  (func (;9;) (type 1) (param i32) (result i64)
    local.get 0
    i64.load8_u offset=8)
  (func (;10;) (type 1) (param i32) (result i64)
    local.get 0
    i64.load16_s offset=8 align=1)
  (func (;11;) (type 1) (param i32) (result i64)
    local.get 0
    i64.load16_u offset=8 align=1)
  (func (;12;) (type 1) (param i32) (result i64)
    local.get 0
    i64.load32_s offset=8 align=1)
  (func (;13;) (type 1) (param i32) (result i64)
    local.get 0
    i64.load32_u offset=8 align=1)
  (func (;14;) (type 4) (param i32 i32)
    local.get 0
    local.get 1
    i32.store offset=8 align=1)
  (func (;15;) (type 5) (param i32 i64)
    local.get 0
    local.get 1
    i64.store offset=8 align=1)
  (func (;16;) (type 6) (param i32 f32)
    local.get 0
    local.get 1
    f32.store offset=8 align=1)
  (func (;17;) (type 7) (param i32 f64)
    local.get 0
    local.get 1
    f64.store offset=8 align=1)
  (func (;18;) (type 4) (param i32 i32)
    local.get 0
    local.get 1
    i32.store8 offset=8)
  (func (;19;) (type 4) (param i32 i32)
    local.get 0
    local.get 1
    i32.store16 offset=8 align=1)
  (func (;20;) (type 5) (param i32 i64)
    local.get 0
    local.get 1
    i64.store8 offset=8)
  (func (;21;) (type 5) (param i32 i64)
    local.get 0
    local.get 1
    i64.store16 offset=8 align=1)
  (func (;22;) (type 5) (param i32 i64)
    local.get 0
    local.get 1
    i64.store32 offset=8 align=1)
  (export "i32.load" (func 0))
  (export "i64.load" (func 1))
  (export "f32.load" (func 2))
  (export "f64.load" (func 3))
  (export "i32.load8_s" (func 4))
  (export "i32.load8_u" (func 5))
  (export "i32.load16_s" (func 6))
  (export "i32.load16_u" (func 7))
  (export "i64.load8_s" (func 8))
  (export "i64.load8_u" (func 9))
  (export "i64.load16_s" (func 10))
  (export "i64.load16_u" (func 11))
  (export "i64.load32_s" (func 12))
  (export "i64.load32_u" (func 13))
  (export "i32.store" (func 14))
  (export "i64.store" (func 15))
  (export "f32.store" (func 16))
  (export "f64.store" (func 17))
  (export "i32.store8" (func 18))
  (export "i32.store16" (func 19))
  (export "i64.store8" (func 20))
  (export "i64.store16" (func 21))
  (export "i64.store32" (func 22)))
