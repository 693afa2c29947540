(module
  (type (;0;) (func (param i64) (result i32)))
  (type (;1;) (func (param f64) (result f64)))
  (type (;2;) (func (param i32) (result i32)))
  (func (;0;) (type 0) (param i64) (result i32)
    local.get 0
    i64.eqz
    if (result i32)  ;; label = @1
      i32.const 0
    else
      local.get 0
      i64.const 0
      i64.lt_s
      if (result i32)  ;; label = @2
        i32.const -1
      else
        i32.const 1
      end
    end)
  (func (;1;) (type 1) (param f64) (result f64)
    local.get 0
    f64.const 0x1p+0 (;=1;)
    f64.gt
    if  ;; label = @1
      f64.const 0x1p+0 (;=1;)
      return
    end
    local.get 0)
  (func (;2;) (type 2) (param i32) (result i32)
    i32.const 10
    i32.const 20
    local.get 0
    select)
  (export "sign" (func 0))
  (export "clamp" (func 1))
  (export "select" (func 2)))
