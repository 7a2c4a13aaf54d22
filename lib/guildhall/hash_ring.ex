defmodule Guildhall.HashRing do
  @schema [
    replicas: [
      type: {:in, 1..65_536},
      default: 512,
      doc: "Points on the ring of a node of weight 1. More of them spread keys more evenly."
    ],
    history: [
      type: {:in, 0..1_000},
      default: 1,
      doc: "How many earlier rings are kept, to tell who owned a key before."
    ],
    max_bytes: [
      type: :pos_integer,
      default: 67_108_864,
      doc: "How much native memory a ring may take, and each that is made of it."
    ]
  ]

  alias Guildhall.{Native, Options}

  @moduledoc """
  Consistent hashing with weights and bounded load: which node owns a key.

  A ring is an immutable value: any process reads it, no process keeps it, and a change returns
  another ring. It depends on its nodes and weights alone, so every node of a cluster that knows
  the same members finds the same owner, in every version of this library.

      iex> alias Guildhall.HashRing
      iex> {:ok, ring} = HashRing.new([:"chat@a", :"chat@b", {:"chat@c", 2}])
      iex> HashRing.owner(ring, 1174109841002725376)
      {:ok, :"chat@b"}
      iex> HashRing.owners(ring, 1174109841002725376, 2)
      [:"chat@b", :"chat@c"]
      iex> ring = HashRing.delete(ring, :"chat@b")
      iex> HashRing.owner(ring, 1174109841002725376)
      {:ok, :"chat@c"}
      iex> HashRing.previous_owner(ring, 1174109841002725376)
      {:ok, :"chat@b"}

  A node is an atom or a string, a key an integer below 2^64 or a binary. Names decide, so that
  `:a` and `"a"` are one node, which a ring has once. A node that comes or goes moves only the keys
  that it gains or had: of n nodes, about one in n.

  **Where to keep it.** In `:persistent_term`, from where a read copies nothing. A ring that is sent
  or read from ETS is copied, by the size of its list of nodes; the points stay where they are.

  **Bounded load.** `pick/4` passes over nodes that already have more than their share, so that no
  node is ever above `factor` times the mean, whatever the keys are.

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `owner/2`, `previous_owner/3` | constant, about 0.1 us | normal |
  | `owners/3` | `O(count)` expected | normal; dirty beyond 8,192 points |
  | `pick/4` | `O(nodes)` | normal; dirty beyond 8,192 points or nodes |
  | `new/2` | `O(points log points)` | dirty |
  | `put/3`, `delete/2` | `O(points + nodes log nodes)` | dirty |
  | `nodes/1`, `memory/0` | constant | normal |

  A ring takes 20 to 24 bytes a point of native memory, and its history as much again for each ring
  that it keeps; 450 nodes are 5 MB. One that would pass its `:max_bytes` is
  `{:error, :memory_limit}`. A weight is 1 to 1,000, `owners/3` returns at most 64 nodes, and a node
  that is none, a name that stands twice, and a load that is no integer below 2^64 raise
  `ArgumentError`. The method is that of Karger et al. (1997), with the bounded loads of Mirrokni et
  al. (2016); the hash is XXH64.
  """

  @max_weight 1_000
  @max_owners 64

  # A normal scheduler sums so many loads in well under a millisecond.
  @normal_nodes 8_192

  @enforce_keys [:handle, :nodes, :weights, :options, :past]
  defstruct @enforce_keys

  @opaque t :: %__MODULE__{
            handle: Native.ring(),
            nodes: tuple(),
            weights: %{optional(ring_node()) => pos_integer()},
            options: keyword(),
            past: [{Native.ring(), tuple()}]
          }
  @type ring_node :: atom() | String.t()
  @type weight :: 1..1_000
  @type key :: non_neg_integer() | binary()

  defguardp is_node(node) when is_atom(node) or is_binary(node)

  @doc """
  Makes a ring of nodes, each with a weight or of weight 1.

  #{Options.docs(@schema)}
  """
  @spec new([ring_node() | {ring_node(), weight()}], keyword()) ::
          {:ok, t()} | {:error, :memory_limit}
  def new(nodes, options \\ []) do
    options = Options.validate!(options, @schema)
    weighted = Enum.map(nodes, &weighted/1)
    weights = Map.new(weighted)
    members = for {node, weight} <- weighted, do: {name(node), weight * options[:replicas]}

    with {:ok, handle} <- made(Native.ring_new(members, options[:max_bytes])) do
      {:ok,
       %__MODULE__{
         handle: handle,
         nodes: in_order(weights),
         weights: weights,
         options: options,
         past: []
       }}
    end
  end

  @doc "Adds a node, or gives it another weight."
  @spec put(t(), ring_node(), weight()) :: {:ok, t()} | {:error, :memory_limit}
  def put(%__MODULE__{} = ring, node, weight \\ 1) do
    {node, weight} = weighted({node, weight})
    known = Enum.find(Map.keys(ring.weights), &(name(&1) == name(node)))
    unless known in [nil, node], do: duplicate!()
    points = weight * ring.options[:replicas]

    with {:ok, handle} <- made(Native.ring_with(ring.handle, name(node), points)) do
      {:ok, changed(ring, handle, Map.put(ring.weights, node, weight))}
    end
  end

  @doc "Removes a node; a ring without it is returned as it is."
  @spec delete(t(), ring_node()) :: t()
  def delete(%__MODULE__{} = ring, node) when is_node(node) do
    if is_map_key(ring.weights, node) do
      handle = Native.ring_without(ring.handle, name(node))
      changed(ring, handle, Map.delete(ring.weights, node))
    else
      ring
    end
  end

  @doc "Returns the nodes and their weights."
  @spec nodes(t()) :: %{optional(ring_node()) => weight()}
  def nodes(%__MODULE__{weights: weights}), do: weights

  @doc "Returns the node that owns the key."
  @spec owner(t(), key()) :: {:ok, ring_node()} | {:error, :empty}
  def owner(%__MODULE__{handle: handle, nodes: nodes}, key), do: owner(handle, nodes, key)

  @doc """
  Returns the node that owned the key before the last change, or before `back` changes.

  `{:error, :unknown}` where the ring does not remember that far.
  """
  @spec previous_owner(t(), key(), back :: pos_integer()) ::
          {:ok, ring_node()} | {:error, :empty | :unknown}
  def previous_owner(%__MODULE__{past: past}, key, back \\ 1)
      when is_integer(back) and back > 0 do
    case Enum.at(past, back - 1) do
      {handle, nodes} -> owner(handle, nodes, key)
      nil -> {:error, :unknown}
    end
  end

  @doc "Returns up to `count` distinct nodes, the owner first: where copies of the key belong."
  @spec owners(t(), key(), 1..64) :: [ring_node()]
  def owners(%__MODULE__{handle: handle, nodes: nodes}, key, count)
      when count in 1..@max_owners do
    key = bytes(key)

    {:ok, indexes} =
      with {:error, :more} <- Native.ring_owners(handle, key, count) do
        Native.ring_owners_dirty(handle, key, count)
      end

    for index <- indexes, do: elem(nodes, index)
  end

  @doc """
  Returns the first node from the owner on that may take one more, given what each has.

  A node may have `factor` (above 1.0) times its share, by weight, of all loads and the new one. A
  node that `loads` does not name has none.
  """
  @spec pick(
          t(),
          key(),
          loads :: %{optional(ring_node()) => non_neg_integer()},
          factor :: float()
        ) ::
          {:ok, ring_node()} | {:error, :empty}
  def pick(%__MODULE__{handle: handle, nodes: nodes}, key, loads, factor \\ 1.25)
      when is_map(loads) and is_float(factor) and factor > 1.0 do
    key = bytes(key)
    packed = for node <- Tuple.to_list(nodes), into: <<>>, do: load(Map.get(loads, node, 0))

    picked =
      if tuple_size(nodes) > @normal_nodes,
        do: {:error, :more},
        else: Native.ring_pick(handle, key, packed, factor)

    {:ok, index} =
      with {:error, :more} <- picked, do: Native.ring_pick_dirty(handle, key, packed, factor)

    found(index, nodes)
  end

  @doc "Returns how many rings there are, those in histories too, and their native memory in bytes."
  @spec memory() :: %{count: non_neg_integer(), bytes: non_neg_integer()}
  def memory do
    {count, bytes} = Native.ring_memory()
    %{count: count, bytes: bytes}
  end

  defp owner(handle, nodes, key) when is_integer(key) and key in 0..0xFFFF_FFFF_FFFF_FFFF do
    found(Native.ring_owner_of_integer(handle, key), nodes)
  end

  defp owner(handle, nodes, key) when is_binary(key) do
    found(Native.ring_owner(handle, key), nodes)
  end

  defp found(nil, _nodes), do: {:error, :empty}
  defp found(index, nodes), do: {:ok, elem(nodes, index)}

  defp bytes(key) when is_integer(key) and key in 0..0xFFFF_FFFF_FFFF_FFFF, do: <<key::little-64>>
  defp bytes(key) when is_binary(key), do: key

  defp load(load) when load in 0..0xFFFF_FFFF_FFFF_FFFF, do: <<load::little-64>>

  defp load(other) do
    raise ArgumentError, "expected a load of 0 or more, below 2^64, got: #{inspect(other)}"
  end

  defp changed(ring, handle, weights) do
    past = Enum.take([{ring.handle, ring.nodes} | ring.past], ring.options[:history])
    %{ring | handle: handle, nodes: in_order(weights), weights: weights, past: past}
  end

  defp in_order(weights), do: weights |> Map.keys() |> Enum.sort_by(&name/1) |> List.to_tuple()

  defp weighted({node, weight}) when is_node(node) and weight in 1..@max_weight,
    do: {node, weight}

  defp weighted(node) when is_node(node), do: {node, 1}

  defp weighted(other) do
    raise ArgumentError,
          "expected a node, or a node and a weight of 1 to #{@max_weight}, got: #{inspect(other)}"
  end

  defp name(node) when is_atom(node), do: Atom.to_string(node)
  defp name(node) when is_binary(node), do: node

  defp made({:error, :duplicate}), do: duplicate!()
  defp made(result), do: result

  @spec duplicate!() :: no_return()
  defp duplicate!, do: raise(ArgumentError, "two nodes have the same name")
end
