/** What the parts of the translator share while one module is made. */
import type { Helpers } from './helpers.ts';
import type { RegionPlan } from './plan.ts';
import type { Naming, Profile, RegionOptions } from './region.ts';

export interface ModuleContext {
  readonly profile: Profile;
  readonly options: RegionOptions;
  readonly naming: Naming;
  readonly helpers: Helpers;
  /** Regions of this module by entry, which can be called directly. */
  readonly plans: ReadonlyMap<number, RegionPlan>;
}
