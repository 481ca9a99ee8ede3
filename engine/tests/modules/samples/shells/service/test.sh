test "$(cat answer)" = 42
