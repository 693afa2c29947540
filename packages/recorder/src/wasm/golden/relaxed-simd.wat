(module
  (type (;0;) (func (param f64 f64 f64) (result f64)))
  (type (;1;) (func (param f32 f32 f32) (result f32)))
  (func (;0;) (type 0) (param f64 f64 f64) (result f64)
    (local v128)
    local.get 0
    f64x2.splat
    local.get 1
    f64x2.splat
    local.get 2
    f64x2.splat
    f64x2.relaxed_madd
    local.tee 3
    f64x2.extract_lane 0)
  (func (;1;) (type 1) (param f32 f32 f32) (result f32)
    local.get 0
    f32x4.splat
    local.get 1
    f32x4.splat
    local.get 2
    f32x4.splat
    f32x4.relaxed_madd
    f32x4.extract_lane 0)
  (func (;2;) (type 0) (param f64 f64 f64) (result f64)
    (local v128)
    local.get 0
    f64x2.splat
    local.get 1
    f64x2.splat
    local.get 2
    f64x2.splat
    f64x2.relaxed_nmadd
    local.tee 3
    f64x2.extract_lane 0)
  (func (;3;) (type 1) (param f32 f32 f32) (result f32)
    local.get 0
    f32x4.splat
    local.get 1
    f32x4.splat
    local.get 2
    f32x4.splat
    f32x4.relaxed_nmadd
    f32x4.extract_lane 0)
  (export "f64 relaxed_madd" (func 0))
  (export "f32 relaxed_madd" (func 1))
  (export "f64 relaxed_nmadd" (func 2))
  (export "f32 relaxed_nmadd" (func 3)))
