(module
  (type (;0;) (func (param i32) (result i32)))
  (func (;0;) (type 0) (param i32) (result i32)
    block  ;; label = @1
      block  ;; label = @2
        block  ;; label = @3
          local.get 0
          br_table 0 (;@3;) 1 (;@2;) 0 (;@3;) 2 (;@1;)
        end
        i32.const 100
        return
      end
      i32.const 200
      return
    end
    i32.const -1)
  (func (;1;) (type 0) (param i32) (result i32)
    i32.const 7
    local.get 0
    br_table 0 (;@0;))
  (export "name" (func 0))
  (export "none" (func 1)))
