/** The regions of Supabase, nearest first, as far as the time zone of this machine tells. */

/** The regions that Supabase offers, with the continent and the hours from UTC in winter. */
const REGIONS: [id: string, name: string, continent: string, hours: number][] = [
  ['us-east-1', 'North Virginia', 'America', -5],
  ['us-east-2', 'Ohio', 'America', -5],
  ['us-west-1', 'North California', 'America', -8],
  ['us-west-2', 'Oregon', 'America', -8],
  ['ca-central-1', 'Canada', 'America', -5],
  ['sa-east-1', 'São Paulo', 'America', -3],
  ['eu-central-1', 'Frankfurt', 'Europe', 1],
  ['eu-central-2', 'Zurich', 'Europe', 1],
  ['eu-west-1', 'Ireland', 'Europe', 0],
  ['eu-west-2', 'London', 'Europe', 0],
  ['eu-west-3', 'Paris', 'Europe', 1],
  ['eu-north-1', 'Stockholm', 'Europe', 1],
  ['ap-south-1', 'Mumbai', 'Asia', 5.5],
  ['ap-southeast-1', 'Singapore', 'Asia', 8],
  ['ap-southeast-2', 'Sydney', 'Australia', 10],
  ['ap-northeast-1', 'Tokyo', 'Asia', 9],
  ['ap-northeast-2', 'Seoul', 'Asia', 9],
  ['ap-east-1', 'Hong Kong', 'Asia', 8],
]

/** More than the hours of any two regions differ by. */
const OTHER_CONTINENT = 24

export interface Region {
  id: string
  name: string
}

/** Lists all regions, those near `zone` first. `hours` is its offset from UTC. */
export function listRegions(zone: string, hours: number): Region[] {
  const [continent = ''] = zone.split('/')
  const distance = (region: (typeof REGIONS)[number]) => {
    const apart = Math.abs(region[3] - hours)
    return Math.min(apart, 24 - apart) + (region[2] === continent ? 0 : OTHER_CONTINENT)
  }
  const sorted = REGIONS.toSorted((a, b) => distance(a) - distance(b))
  return sorted.map(([id, name]) => ({ id, name }))
}

/** Lists the regions by their distance from this machine. */
export function listRegionsNearby(): Region[] {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const january = new Date(new Date().getFullYear(), 0, 1)
  return listRegions(timeZone, -january.getTimezoneOffset() / 60)
}
