defmodule Guildhall.Http.Date do
  @moduledoc false

  # The Date header, made once a second: whoever finds it old makes it anew.

  @days {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
  @months {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

  # The table belongs to the caller, the server's supervisor.
  @spec table() :: :ets.table()
  def table, do: :ets.new(__MODULE__, [:public, read_concurrency: true])

  @spec now(:ets.table()) :: String.t()
  def now(table) do
    second = System.system_time(:second)

    case :ets.lookup(table, :date) do
      [{:date, ^second, date}] ->
        date

      _old ->
        date = format(second)
        :ets.insert(table, {:date, second, date})
        date
    end
  end

  @spec format(unix_seconds :: integer()) :: String.t()
  def format(second) do
    {{year, month, day} = date, {hour, minute, second}} =
      :calendar.system_time_to_universal_time(second, :second)

    weekday = elem(@days, :calendar.day_of_the_week(date) - 1)
    time = Enum.map_join([hour, minute, second], ":", &pad/1)
    "#{weekday}, #{pad(day)} #{elem(@months, month - 1)} #{year} #{time} GMT"
  end

  defp pad(number), do: number |> Integer.to_string() |> String.pad_leading(2, "0")
end
