(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (result f64)))
  (func (;0;) (type 0) (param i32) (result i32)
    block (result i32)  ;; label = @1
      i32.const 1
      block  ;; label = @2
        loop  ;; label = @3
          block  ;; label = @4
            local.get 0
            i32.const 1
            i32.eq
            br_if 2 (;@2;)
            i32.const 2
            local.get 0
            i32.const 2
            i32.eq
            br_if 3 (;@1;)
            drop
            i32.const 3
            local.get 0
            i32.const 3
            i32.eq
            br_if 4 (;@0;)
            drop
          end
        end
        i32.const 4
        br 1 (;@1;)
      end
    end
    i32.const 10
    i32.mul)
  (func (;1;) (type 1) (result f64)
    block (result f32)  ;; label = @1
      f32.const 0x1p+0 (;=1;)
    end
    f64.promote_f32
    block (result f64)  ;; label = @1
      f64.const 0x1p+1 (;=2;)
    end
    f64.add
    block (result i64)  ;; label = @1
      i64.const 3
    end
    f64.convert_i64_s
    f64.add
    block (result v128)  ;; label = @1
      f64.const 0x1p+2 (;=4;)
      f64x2.splat
    end
    f64x2.extract_lane 0
    f64.add
    loop (result i32)  ;; label = @1
      i32.const 5
    end
    f64.convert_i32_s
    f64.add)
  (export "out" (func 0))
  (export "types" (func 1)))
