# What does it cost to ask what a member may do, in one channel, in all of them, and of many members?
#
#     mix guildhall.bench permissions

alias Guildhall.Permissions
alias Guildhall.Permissions.Reference

view = Permissions.bit(:view_channel)
text = Permissions.bit(:send_messages)

# A large server: 250 roles, 500 channels with five overwrites each, members of five roles.
id = fn n -> 1_174_109_841_002_725_376 + n * 4_194_304 end
role = fn n -> id.(rem(n * 7, 250)) end

options = [
  id: id.(0),
  owner_id: id.(100_000),
  roles: for(n <- 0..249, do: {id.(n), view + text}),
  channels:
    for n <- 0..499 do
      overwrites = for k <- 1..4, do: {role.(n + k), :role, rem(k, 2) * view, view}
      {id.(1_000 + n), :text, [{id.(0), :role, 0, rem(n, 2) * view} | overwrites]}
    end
]

{:ok, guild} = Permissions.new(options)
reference = Reference.new(options)
member = {id.(200_000), for(n <- 1..5, do: role.(n * 11))}
channel = id.(1_007)

Bench.compare(
  "permissions: one member in one channel",
  [{"5 roles, 5 overwrites", member}],
  [
    reference: fn member -> Reference.in_channel(reference, channel, member) end,
    nif: fn member -> Permissions.in_channel(guild, channel, member) end
  ],
  goal: {:at_most, 1.0}
)

Bench.compare("permissions: the channels that a member sees", [{"500 channels", member}],
  reference: fn member -> Reference.visible_channels(reference, member) end,
  nif: fn member -> Permissions.visible_channels(guild, member) end
)

members = for n <- 1..1_000, do: {id.(n), for(k <- 1..5, do: role.(n * k)), false}

Bench.compare(
  "permissions: many members in one channel",
  [{"1,000 members", {members, Permissions.pack(members)}}],
  reference: fn {members, _packed} ->
    for member <- members, into: <<>> do
      <<Reference.in_channel(reference, channel, member)::little-64>>
    end
  end,
  nif: fn {_members, packed} -> Permissions.in_channel_many(guild, channel, packed) end
)

Bench.compare("permissions: a role changes", [{"250 roles, 500 channels", {id.(3), view}}],
  compiled_anew: fn {id, mask} ->
    {:ok, changed} = Permissions.new(Keyword.update!(options, :roles, &(&1 ++ [{id, mask}])))
    Permissions.in_channel(changed, channel, member)
  end,
  changed: fn {id, mask} ->
    {:ok, changed} = Permissions.change(guild, [{:role, id, mask}])
    Permissions.in_channel(changed, channel, member)
  end
)
