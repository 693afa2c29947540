-- trace: nameless
SELECT edge, count, source_location, target_location FROM hot_edges;
