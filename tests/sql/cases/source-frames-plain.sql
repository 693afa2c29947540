-- trace: program
FROM source_frames(0x10000)
