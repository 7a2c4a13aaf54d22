defmodule Bench.Load.Report do
  @moduledoc false

  # What a load test found, as a table in the columns of a comparison with other servers, and as JSON
  # with everything that was measured.

  alias Guildhall.Payload

  @typedoc "A generator's result."
  @type result :: map()

  @doc "The tables for people to read."
  @spec text([result()], environment :: map()) :: String.t()
  def text(results, environment) do
    [
      "",
      "CPU seconds of the server per million deliveries, and resident bytes per connection",
      "(#{environment.machine}; #{environment.pinning}; commit #{environment.commit})",
      "",
      table(cost(results)),
      "",
      "Latency from the post to a client, and what went wrong",
      "",
      table(delivery(results)),
      "",
      "Connect, IDENTIFY, READY and GUILD_CREATE",
      "",
      table(connect(results)),
      "",
      environment.command
    ]
    |> Enum.join("\n")
  end

  @doc "The figures of sessions without sockets."
  @spec figures([map()], pos_integer(), pos_integer(), environment :: map()) :: String.t()
  def figures(figures, online, members, environment) do
    rows =
      for %{name: name, value: value, unit: unit} <- figures, do: [name, cell(value, 3), unit]

    [
      "",
      "A guild of #{members} members, #{online} of them online, without sockets",
      "(#{environment.machine}; commit #{environment.commit})",
      "",
      table([["figure", "value", ""] | rows]),
      "",
      environment.command
    ]
    |> Enum.join("\n")
  end

  defp cost(results) do
    rows =
      for {transport, of_transport} <- group(results, & &1["transport"]) do
        sizes = group(of_transport, & &1["clients"])

        [
          "Guildhall, #{transport}",
          slashed(sizes, &cell(run(&1, "paced")["cpu_per_million"], 1)),
          slashed(sizes, &cell(run(&1, "saturated")["cpu_per_million"], 1)),
          slashed(sizes, &kilobytes(first(&1)["settle"]["bytes_per_connection"]))
        ]
      end

    sizes = results |> group(& &1["clients"]) |> Enum.map_join(" / ", &size(elem(&1, 0)))
    [["system", "paced, N = #{sizes}", "saturated, #{sizes}", "KB/conn"] | rows]
  end

  defp delivery(results) do
    rows =
      for result <- results, run <- result["runs"] do
        [
          size(result["clients"]),
          result["transport"],
          run["mode"],
          cell(run["deliveries_per_second"] / 1_000, 1) <> "k",
          "#{milliseconds(run["p50_us"])} / #{milliseconds(run["p99_us"])}",
          cell(run["bytes_per_delivery"], 0),
          "#{cell(run["user_seconds"], 2)} + #{cell(run["system_seconds"], 2)}",
          "#{round((run["generator_cpu_share"] || 0) * 100)} %",
          Enum.map_join(~w(missing gaps duplicates reordered), " / ", &"#{run[&1]}")
        ]
      end

    [
      [
        "N",
        "transport",
        "mode",
        "deliveries/s",
        "p50 / p99 ms",
        "bytes each",
        "CPU s, user + system",
        "generator",
        "missing / gaps / twice / disordered"
      ]
      | rows
    ]
  end

  defp connect(results) do
    rows =
      for result <- results do
        %{"connect" => connect, "settle" => settle} = result
        storm = if result["presences"], do: "with presences", else: ""

        [
          size(result["clients"]),
          result["transport"],
          storm,
          cell(connect["cpu_ms"], 2),
          there(connect, result["clients"]),
          cell(seconds(connect, settle, result["clients"]), 2),
          "#{cell(connect["p50_ms"], 1)} / #{cell(connect["p99_ms"], 1)}",
          "#{connect["events"]}",
          "#{settle["events"]}"
        ]
      end

    header =
      ["CPU ms each", "CPU s until all are there", "in all", "p50 / p99 ms"] ++
        ["events until then", "in all"]

    [["N", "transport", "" | header] | rows]
  end

  defp there(%{"cpu_ms" => nil}, _clients), do: "-"
  defp there(%{"cpu_ms" => each}, clients), do: cell(each * clients / 1_000, 2)

  defp seconds(%{"cpu_ms" => nil}, _settle, _clients), do: nil

  defp seconds(connect, settle, clients),
    do: connect["cpu_ms"] * clients / 1_000 + settle["cpu_seconds"]

  defp group(results, key) do
    results |> Enum.group_by(key) |> Enum.sort_by(fn {key, _results} -> order(key) end)
  end

  defp order("plain"), do: 0
  defp order(key), do: key

  defp first(results), do: hd(results)

  defp run(results, mode) do
    Enum.find(Enum.flat_map(results, & &1["runs"]), %{}, &(&1["mode"] == mode))
  end

  defp slashed(sizes, fun),
    do: Enum.map_join(sizes, " / ", fn {_size, results} -> fun.(results) end)

  defp size(n) when n >= 1_000 and rem(n, 1_000) == 0, do: "#{div(n, 1_000)}k"
  defp size(n), do: "#{n}"

  defp kilobytes(nil), do: "-"
  defp kilobytes(bytes), do: cell(bytes / 1_000, 1)

  defp milliseconds(microseconds), do: cell(microseconds / 1_000, 1)

  defp cell(nil, _digits), do: "-"
  defp cell(number, 0), do: "#{round(number)}"
  defp cell(number, digits), do: :erlang.float_to_binary(number * 1.0, decimals: digits)

  defp table([header | rows]) do
    widths =
      for column <- Enum.zip([header | rows]) do
        column |> Tuple.to_list() |> Enum.map(&String.length/1) |> Enum.max()
      end

    rule = for width <- widths, do: String.duplicate("-", width)
    Enum.map_join([header, rule | rows], "\n", &line(&1, widths))
  end

  defp line(cells, widths) do
    inside = Enum.zip_with(cells, widths, &String.pad_trailing/2)
    "| " <> Enum.join(inside, " | ") <> " |"
  end

  # CPU microseconds of a delivery that are aimed for, by mode and clients.
  @goals %{
    {"paced", 1_000} => {:at_most, 10},
    {"paced", 10_000} => {:at_most, 14},
    {"saturated", 1_000} => {:at_most, 1.4},
    {"saturated", 10_000} => {:at_most, 2.1}
  }

  @doc "What a delivery costs, as a picture."
  @spec plot([result()], environment :: map()) :: iodata()
  def plot(results, environment) do
    modes = results |> Enum.flat_map(& &1["runs"]) |> Enum.map(& &1["mode"]) |> Enum.uniq()

    entries =
      for mode <- modes, {clients, of_size} <- group(results, & &1["clients"]) do
        %{
          title: "CPU of a delivery, #{mode}",
          input: "#{clients} clients",
          goal: @goals[{mode, clients}],
          rows: of_size |> Enum.reverse() |> Enum.flat_map(&row(&1, mode)) |> ratios()
        }
      end

    lines = [
      "#{environment.machine}; #{environment.pinning}",
      "#{environment.command}, commit #{environment.commit}, #{environment.at}"
    ]

    Bench.Plot.render("load", Enum.reject(entries, &(&1.rows == [])), lines)
  end

  defp row(result, mode) do
    for %{"mode" => ^mode, "cpu_per_million" => us} when us != nil <- result["runs"] do
      %{name: result["transport"], median: us}
    end
  end

  defp ratios([]), do: []

  defp ratios([%{median: baseline} | _others] = rows) do
    for row <- rows, do: Map.put(row, :ratio, baseline / row.median)
  end

  @doc "Keeps everything in a file."
  @spec write!(Path.t(), [result()], environment :: map()) :: :ok
  def write!(file, results, environment) do
    File.mkdir_p!(Path.dirname(file))
    File.write!(file, [Payload.encode!(Map.put(environment, :results, results)), "\n"])
  end
end
