(module
  (type (;0;) (func (param i32) (result i32)))
  (import "env" "table" (table (;0;) 2 funcref))
  (func (;0;) (type 0) (param i32) (result i32)
    local.get 0
    i32.eqz
    if  ;; label = @1
      i32.const 1
      return
    end
    local.get 0
    i32.const 1
    i32.sub
    return_call 1)
  (func (;1;) (type 0) (param i32) (result i32)
    local.get 0
    i32.eqz
    if  ;; label = @1
      i32.const 0
      return
    end
    local.get 0
    i32.const 1
    i32.sub
    i32.const 1
    return_call_indirect (type 0))
  (export "even" (func 0))
  (export "odd" (func 1))
  (elem (;0;) (i32.const 1) func 0))
