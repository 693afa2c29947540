(module
  (type (;0;) (func (param i32) (result i64)))
  (type (;1;) (func (result i32)))
  (func (;0;) (type 0) (param i32) (result i64)
    local.get 0
    i32.const 2
    i32.lt_u
    if (result i64)  ;; label = @1
      local.get 0
      i64.extend_i32_u
    else
      local.get 0
      i32.const 1
      i32.sub
      call 0
      local.get 0
      i32.const 2
      i32.sub
      call 0
      i64.add
    end)
  (func (;1;) (type 1) (result i32)
    call 2)
  (func (;2;) (type 1) (result i32)
    i32.const 7)
  (export "fib" (func 0))
  (export "seven" (func 1)))
