//! Zig's standard library without a C library under it: memory, maps, threads, files, errors.
const std = @import("std");

const Shared = struct {
    lock: std.Thread.Mutex = .{},
    changed: std.Thread.Condition = .{},
    sum: u64 = 0,
    finished: u32 = 0,

    fn add(self: *Shared, from: u64) void {
        var own: u64 = 0;
        for (0..1000) |i| own += from * i;
        self.lock.lock();
        defer self.lock.unlock();
        self.sum += own;
        self.finished += 1;
        self.changed.signal();
    }
};

fn threads(out: anytype) !void {
    var shared = Shared{};
    var all: [4]std.Thread = undefined;
    for (&all, 0..) |*thread, i| thread.* = try std.Thread.spawn(.{}, Shared.add, .{ &shared, i });
    shared.lock.lock();
    while (shared.finished < 4) shared.changed.wait(&shared.lock);
    shared.lock.unlock();
    for (all) |thread| thread.join();
    try out.print("sum {d}\n", .{shared.sum});
}

fn words(memory: std.mem.Allocator, out: anytype) !void {
    var counts = std.StringArrayHashMap(u32).init(memory);
    defer counts.deinit();
    var each = std.mem.tokenizeScalar(u8, "the quick brown fox jumps over the lazy dog the end", ' ');
    while (each.next()) |word| {
        const entry = try counts.getOrPutValue(word, 0);
        entry.value_ptr.* += 1;
    }
    for (counts.keys(), counts.values()) |word, count| try out.print("{s} {d} ", .{ word, count });
    try out.print("\n", .{});
}

fn numbers(memory: std.mem.Allocator, out: anytype) !void {
    var list = std.ArrayList(u32).init(memory);
    defer list.deinit();
    var random = std.rand.DefaultPrng.init(7);
    for (0..5000) |_| try list.append(random.random().int(u32));
    std.mem.sort(u32, list.items, {}, std.sort.asc(u32));
    try out.print("{d} {d} {d}\n", .{ list.items[0], list.items[2500], list.items[4999] });
    var digest: [32]u8 = undefined;
    std.crypto.hash.sha2.Sha256.hash(std.mem.sliceAsBytes(list.items), &digest, .{});
    try out.print("{s} {d:.6} {e}\n", .{ std.fmt.fmtSliceHexLower(&digest), @sqrt(2.0), 1.0 / 3.0 });
    try out.print("{!d} {!d}\n", .{ std.fmt.parseInt(u8, "200", 10), std.fmt.parseInt(u8, "300", 10) });
}

pub fn main() !u8 {
    var pool = std.heap.GeneralPurposeAllocator(.{}){};
    defer _ = pool.deinit();
    const memory = pool.allocator();
    const out = std.io.getStdOut().writer();
    var arguments = std.process.args();
    _ = arguments.skip();
    const argument = arguments.next() orelse "";
    if (std.mem.eql(u8, argument, "threads")) {
        try threads(out);
        return 0;
    }
    try words(memory, out);
    try numbers(memory, out);
    const text = try std.io.getStdIn().readToEndAlloc(memory, 1 << 16);
    defer memory.free(text);
    try out.print("stdin {d}\n", .{text.len});
    if (std.fs.openFileAbsolute("/nowhere/x", .{})) |file| file.close() else |problem| {
        try out.print("{s}\n", .{@errorName(problem)});
    }
    const bytes = [_]u8{ 1, 2, 3 };
    try out.print("{d}\n", .{bytes[argument.len]});
    return 3;
}
