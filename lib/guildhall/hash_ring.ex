defmodule Guildhall.HashRing do
  @schema [
    replicas: [
      type: :pos_integer,
      default: 512,
      doc: "Points on the ring of a node of weight 1. More of them spread keys more evenly."
    ],
    history: [
      type: :non_neg_integer,
      default: 1,
      doc: "How many earlier rings are kept, to tell who owned a key before."
    ]
  ]

  alias Guildhall.{Native, Options}

  @moduledoc """
  Consistent hashing with weights and bounded load: which node owns a key.

  A ring is an immutable value: any process reads it, no process keeps it, and a change returns
  another ring. It depends on its nodes and weights alone, so every node of a cluster that knows
  the same members finds the same owner, in every version of this library.

      iex> ring = Guildhall.HashRing.new([:"chat@a", :"chat@b", {:"chat@c", 2}])
      iex> {:ok, owner} = Guildhall.HashRing.owner(ring, 1174109841002725376)
      iex> ring = Guildhall.HashRing.delete(ring, owner)
      iex> Guildhall.HashRing.previous_owner(ring, 1174109841002725376)
      {:ok, owner}

  A node is an atom or a string, a key an integer below 2^64 or a binary. A node that comes or goes
  moves only the keys that it gains or had: of n nodes, about one in n.

  **Bounded load.** `pick/4` passes over nodes that already have more than their share, so that no
  node is ever above `factor` times the mean, whatever the keys are.

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `owner/2`, `previous_owner/3` | constant | normal |
  | `owners/3` | `O(count)` expected | normal |
  | `pick/4` | `O(nodes)` | normal |
  | `new/2` | `O(points log points)` | dirty |
  | `put/3`, `delete/2` | `O(points)` | dirty |

  A ring takes about 24 bytes a point of native memory, which `memory/0` counts, and at most
  4,000,000 points; more raise `ArgumentError`. The method is that of Karger et al. (1997), with the
  bounded loads of Mirrokni et al. (2016); the hash is XXH64.
  """

  @max_weight 1_000
  @max_owners 64

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
  @spec new([ring_node() | {ring_node(), weight()}], keyword()) :: t()
  def new(nodes, options \\ []) do
    options = Options.validate!(options, @schema)
    weighted = Enum.map(nodes, &weighted/1)
    weights = Map.new(weighted)
    members = for {node, weight} <- weighted, do: {name(node), weight * options[:replicas]}

    %__MODULE__{
      handle: made!(Native.ring_new(members)),
      nodes: in_order(weights),
      weights: weights,
      options: options,
      past: []
    }
  end

  @doc "Adds a node, or gives it another weight."
  @spec put(t(), ring_node(), weight()) :: t()
  def put(%__MODULE__{} = ring, node, weight \\ 1) do
    {node, weight} = weighted({node, weight})
    known = Enum.find(Map.keys(ring.weights), &(name(&1) == name(node)))
    unless known in [nil, node], do: duplicate!()
    points = weight * ring.options[:replicas]

    changed(
      ring,
      made!(Native.ring_with(ring.handle, name(node), points)),
      Map.put(ring.weights, node, weight)
    )
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
    for index <- Native.ring_owners(handle, bytes(key), count), do: elem(nodes, index)
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
    packed =
      for node <- Tuple.to_list(nodes), into: <<>>, do: <<Map.get(loads, node, 0)::little-64>>

    found(Native.ring_pick(handle, bytes(key), packed, factor), nodes)
  end

  @doc "Returns the native memory of all rings, in bytes."
  @spec memory() :: non_neg_integer()
  def memory, do: Native.ring_memory()

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

  defp made!({:ok, handle}), do: handle
  defp made!({:error, :duplicate}), do: duplicate!()

  defp made!({:error, :too_large}),
    do: raise(ArgumentError, "a ring has at most 4,000,000 points")

  @spec duplicate!() :: no_return()
  defp duplicate!, do: raise(ArgumentError, "two nodes have the same name")
end
