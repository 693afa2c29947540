(module
  (type (;0;) (func (param i32) (result i64)))
  (func (;0;) (type 0) (param i32) (result i64)
    (local i64)
    block  ;; label = @1
      loop  ;; label = @2
        local.get 0
        i32.eqz
        br_if 1 (;@1;)
        local.get 1
        local.get 0
        i64.extend_i32_u
        i64.add
        local.set 1
        local.get 0
        i32.const 1
        i32.sub
        local.set 0
        br 0 (;@2;)
      end
    end
    local.get 1)
  (export "sum" (func 0)))
