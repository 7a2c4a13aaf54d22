ExUnit.start(exclude: [:cluster], assert_receive_timeout: 1_000)
ExUnit.plural_rule("property", "properties")
